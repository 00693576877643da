"""What the three APIs ask of every request."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any, Dict, cast

from bluma_async.sandbox.fault_actions import FAIL_RENDER
from bluma_async.sandbox.routing import KEY
from bluma_async.sandbox.state import STATE

if TYPE_CHECKING:
    from aiohttp import web

    from bluma_async.sandbox.tables import Row

__all__ = ["body_of", "fails", "key_of", "shuffled"]


def key_of(request: web.Request) -> Row | None:
    """Return the sandbox's own key that a request carries."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    key = request.app[STATE].keys.find(token.strip()) if scheme.lower() == "bearer" else None
    if key is not None:
        request[KEY] = key
    return key


async def body_of(request: web.Request) -> Dict[str, Any]:
    """Return the object that a request carries; an empty one for anything else."""
    try:
        told: object = json.loads(await request.read())
    except (ValueError, RecursionError):
        told = None
    return cast("Dict[str, Any]", told) if isinstance(told, dict) else {}


def fails(request: web.Request) -> bool:
    """Whether a fault wants the generation to fail."""
    return bool(request.get(FAIL_RENDER))


def shuffled(rows: Any) -> Any:
    """Return a list in no order that anybody could rely on."""
    mixed = list(rows)
    random.shuffle(mixed)
    return mixed
