"""Answers of the providers, and their decoding without a client."""

from __future__ import annotations

import json
from typing import Any, Dict

from bluma_async._runtime.secret import Secret
from bluma_async._wire.messages import Answer
from bluma_async.luma.registry import PROVIDERS
from tests.luma.conformance import build_case

ID = "4c9126f3-d9a6-4eaf-aa4c-b64b634f65bd"
RUNNING: Dict[str, Any] = {"id": ID, "state": "processing", "prompt": "x", "video": None}


def decode_read(provider: str, document: Any, status: int = 200, secret: str = "") -> Any:
    """Return the generation in an answer to a read, or raise its error."""
    call = PROVIDERS[provider].build_read([ID])
    assert call.read is not None
    return call.read(Answer(status, {}, encode(document)), Secret(secret))[ID]


def decode_created(provider: str, document: Any, status: int = 200, secret: str = "") -> Any:
    """Return the generation in an answer to a create, or raise its error."""
    call = PROVIDERS[provider].build_create({"prompt": "x", **build_case(provider).arguments})
    assert call.read is not None
    return call.read(Answer(status, {}, encode(document)), Secret(secret))


def wrap_task(**data: Any) -> Dict[str, Any]:
    """Return kie.ai's envelope around the data of a task."""
    return {"code": 200, "msg": "success", "data": {"taskId": ID, **data}}


def encode(document: Any) -> bytes:
    """Return the body for a document; bytes stay unchanged."""
    return document if isinstance(document, bytes) else json.dumps(document).encode()
