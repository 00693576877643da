"""UmamiAI: real statuses, created with a 201, read by lists in no order."""

from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING, Any, Dict, List

from aiohttp import web

from bluma_async.sandbox.api_errors import ApiError
from bluma_async.sandbox.clock import iso
from bluma_async.sandbox.keys import classify_key
from bluma_async.sandbox.luma.requests import body_of, fails, key_of, shuffled
from bluma_async.sandbox.state import STATE, State

if TYPE_CHECKING:
    from bluma_async.sandbox.tables import Row

__all__ = ["ROUTES"]

MOST_IDS = 20
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
IDS = re.compile(r"ids(?:\[(\d*)\])?")
HOUR = 3600.0


def refuse(request: web.Request, status: int, message: str) -> web.Response:
    now = iso(request.app[STATE].clock.time())
    body = {"message": message, "path": request.path, "requestId": str(uuid.uuid4()), "timestamp": now}
    return web.json_response({**body, "statusCode": str(status)}, status=status)


async def create(request: web.Request) -> web.Response:
    """Start a generation."""
    return await _start(request, None)


async def extend(request: web.Request) -> web.Response:
    """Make a generation longer; it must be completed."""
    parent = request.app[STATE].jobs.find("umami", request.match_info["id"])
    if parent is None:
        return refuse(request, 404, "Generation not found")
    if request.app[STATE].jobs.state_of(parent) != "completed":
        return refuse(request, 400, "Generation is not completed")
    return await _start(request, parent)


async def read(request: web.Request) -> web.Response:
    """Read several: what is no id spoils it all, and what is unknown is left out."""
    if key_of(request) is None:
        return refuse(request, 401, "Unauthorized")
    state, ids = request.app[STATE], _ids(request)
    if not ids or len(ids) > MOST_IDS:
        return refuse(request, 400, f"ids must be an array of 1 to {MOST_IDS}")
    if not all(UUID.fullmatch(each) for each in ids):
        return refuse(request, 400, "each value in ids must be a UUID")
    found = [row for row in (state.jobs.find("umami", each) for each in dict.fromkeys(ids)) if row is not None]
    shown = [row for row in found if len(ids) == 1 or "[lost]" not in row["prompt"]]
    return web.json_response(shuffled(_view(state, row) for row in shown))


async def _start(request: web.Request, parent: Row | None) -> web.Response:
    state, key = request.app[STATE], key_of(request)
    if key is None:
        return refuse(request, 401, "Unauthorized")
    asked = await body_of(request)
    for name in ("user_prompt", "aspect_ratio"):
        if not isinstance(asked.get(name), str) or not asked[name]:
            return refuse(request, 400, f"{name} should not be empty")
    try:
        row = state.jobs.create("umami", str(classify_key(key)), asked, fails=fails(request), parent=parent)
    except ApiError:
        return refuse(request, 403, "You have run out of tokens")
    return web.json_response(_view(state, row), status=201)


def _ids(request: web.Request) -> List[str]:
    numbered: Dict[int, str] = {}
    for name, value in request.query.items():
        match = IDS.fullmatch(name)
        if match:
            numbered[int(match[1]) if match[1] else len(numbered)] = value
    return [numbered[number] for number in sorted(numbered)]


def _view(state: State, row: Row) -> Dict[str, Any]:
    link = state.jobs.link(row, HOUR)
    shown = {"url": link, "width": 1280, "height": 720, "thumbnail": state.jobs.thumbnail(row)}
    word = state.jobs.state_of(row)
    return {
        "id": row["id"],
        "prompt": row["prompt"],
        "state": word,
        "created_at": iso(row["created"]).replace("Z", ".318498Z"),
        "liked": None,
        "estimate_wait_seconds": None if word == "pending" else "45",
        "video": shown if link else None,
        **({"failure_reason": "generation failed"} if word == "failed" else {}),
    }


ROUTES = (
    ("POST", "/umami/v1/luma-ai/generations", create),
    ("POST", "/umami/v1/luma-ai/generations/{id}/extend", extend),
    ("GET", "/umami/v1/luma-ai/generation", read),
)
