"""V-API: JSON that calls itself text, errors in two documents, lists of one, and Go's zero dates."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Dict

from aiohttp import web

from bluma_async.sandbox.api_errors import ApiError
from bluma_async.sandbox.clock import iso
from bluma_async.sandbox.keys import classify_key
from bluma_async.sandbox.luma.requests import body_of, fails, key_of
from bluma_async.sandbox.state import STATE, State

if TYPE_CHECKING:
    from bluma_async.sandbox.tables import Row

__all__ = ["ROUTES", "callback_view"]

HOUR = 3600.0
ZERO = "0001-01-01T00:00:00Z"


def refuse(status: int, message: str, code: str) -> web.Response:
    upstream = {"error": {"message": message, "type": "new_api_error", "param": "", "code": code}}
    appended = {"detail": {"reason": message, "code": 1}}
    return web.Response(status=status, text=json.dumps(upstream) + json.dumps(appended), content_type="text/plain")


def answer(told: object) -> web.Response:
    return web.Response(text=json.dumps(told), content_type="text/plain")


async def create(request: web.Request) -> web.Response:
    """Start a generation."""
    return await _start(request, None)


async def extend(request: web.Request) -> web.Response:
    """Make a generation longer; its answer is a list of one."""
    parent = request.app[STATE].jobs.find("vapi", request.match_info["id"])
    if parent is None:
        return refuse(404, "task not exist", "task_not_exist")
    if request.app[STATE].jobs.state_of(parent) != "completed":
        return refuse(400, "the task is not completed", "invalid_request")
    return await _start(request, parent)


async def get(request: web.Request) -> web.Response:
    """Show a generation."""
    state = request.app[STATE]
    if key_of(request) is None:
        return refuse(401, "Invalid token", "invalid_token")
    row = state.jobs.find("vapi", request.match_info["id"])
    return refuse(404, "task not exist", "task_not_exist") if row is None else answer(callback_view(state, row))


def callback_view(state: State, row: Row) -> Dict[str, Any]:
    """Return a generation; a callback carries the same."""
    link, picture = state.jobs.link(row, HOUR), {"url": state.jobs.thumbnail(row), "media_type": "image"}
    size = {"width": 1280, "height": 720}
    raw = {"url": link, **size, "duration": float(row["duration"]), "media_type": "video"}
    word = state.jobs.state_of(row)
    return {
        **_accepted(state, row),
        "video": {"url": link, **size, "download_url": ""} if link else {},
        "artifact": {"video": {}, "created_at": ZERO},
        "thumbnail": picture if link else None,
        "video_raw": raw if link else {},
        "last_frame": None,
        "failure_reason": "generation failed" if word == "failed" else None,
        "finish_time": 0,
    }


async def _start(request: web.Request, parent: Row | None) -> web.Response:
    state, key = request.app[STATE], key_of(request)
    if key is None:
        return refuse(401, "Invalid token", "invalid_token")
    asked = await body_of(request)
    if not isinstance(asked.get("user_prompt"), str) or not asked["user_prompt"]:
        return refuse(400, "user_prompt is required", "invalid_request")
    try:
        row = state.jobs.create("vapi", str(classify_key(key)), asked, fails=fails(request), parent=parent)
    except ApiError:
        return refuse(402, "user quota is not enough", "insufficient_user_quota")
    return answer(_accepted(state, row) if parent is None else [_accepted(state, row)])


def _accepted(state: State, row: Row) -> Dict[str, Any]:
    created = iso(row["created"]).replace("Z", ".319129000Z")
    asked = {"prompt": row["prompt"], "aspect_ratio": row["asked"].get("aspect_ratio", "16:9")}
    return {"id": row["id"], "state": state.jobs.state_of(row), "created_at": created, "request": asked}


ROUTES = (
    ("POST", "/vapi/luma/generations", create),
    ("POST", "/vapi/luma/generations/{id}/extend", extend),
    ("GET", "/vapi/luma/generations/{id}", get),
)
