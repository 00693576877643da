"""Callbacks to a create's own URL, for tests: URLs, tokens, bodies and the answers around them."""

from __future__ import annotations

import json
from typing import Any

from bluma_async import errors
from tests.fakes import FakeTransport, answer

URL = "https://app.example.com/hook?create={create_token}"
CUT = errors.NetworkError("cut")
DATE = {"Date": "Mon, 03 Nov 2025 10:30:30 GMT"}
HELLO = answer(200, [], DATE)  # an answer before the create: its Date tells the server's time


def row(name: str, template_id: str = "t") -> Any:
    """Return a new video as JSON."""
    return {"id": name, "status": "queued", "template_id": template_id, "created_at": "2025-11-03T10:30:30Z"}


def listing(*names: str) -> Any:
    """Return a page with these videos."""
    return answer(200, {"videos": [row(name) for name in names], "pagination": {"total": len(names)}}, DATE)


def callback(name: str) -> bytes:
    """Return the body of a callback about a video."""
    return json.dumps({"id": "evt_1", "type": "video.processing", "data": {"id": name}}).encode()


def token_of(transport: FakeTransport) -> str:
    """Return the token in the URL of the last create."""
    bodies = [body for body in transport.bodies if body]
    return str(bodies[-1]["webhook_url"].partition("create=")[2])
