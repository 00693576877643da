"""V-API: JSON with the content type of text, errors in two documents, lists of one object, and zero dates of Go."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Dict

from aiohttp import web

from bluma_async.sandbox.clock import iso
from bluma_async.sandbox.luma.provider_api import CallbackFormat, ProviderApi
from bluma_async.sandbox.luma.requests import create_job, find_key, has_text, read_payload
from bluma_async.sandbox.state import STATE, State

if TYPE_CHECKING:
    from bluma_async.sandbox.tables import Row

__all__ = ["API"]

HOUR = 3600.0
ZERO_DATE = "0001-01-01T00:00:00Z"


def refuse(status: int, message: str, code: str) -> web.Response:
    upstream = {"error": {"message": message, "type": "new_api_error", "param": "", "code": code}}
    appended = {"detail": {"reason": message, "code": 1}}
    return web.Response(status=status, text=json.dumps(upstream) + json.dumps(appended), content_type="text/plain")


def answer(document: object) -> web.Response:
    return web.Response(text=json.dumps(document), content_type="text/plain")


async def create(request: web.Request) -> web.Response:
    """Start a generation."""
    return await _start(request, None)


async def extend(request: web.Request) -> web.Response:
    """Extend a generation; the answer is a list of one object."""
    parent = request.app[STATE].jobs.find("vapi", request.match_info["id"])
    if parent is None:
        return refuse(404, "task not exist", "task_not_exist")
    if request.app[STATE].jobs.find_state(parent) != "completed":
        return refuse(400, "the task is not completed", "invalid_request")
    return await _start(request, parent)


async def get(request: web.Request) -> web.Response:
    """Return a generation."""
    state = request.app[STATE]
    if find_key(request) is None:
        return refuse(401, "Invalid token", "invalid_token")
    row = state.jobs.find("vapi", request.match_info["id"])
    return refuse(404, "task not exist", "task_not_exist") if row is None else answer(build_generation(state, row))


def build_generation(state: State, row: Row) -> Dict[str, Any]:
    """Return a generation as reads and callbacks have it."""
    url, thumbnail = state.jobs.sign_url(row, HOUR), {"url": state.jobs.thumbnail(row), "media_type": "image"}
    size = {"width": 1280, "height": 720}
    raw = {"url": url, **size, "duration": float(row["duration"]), "media_type": "video"}
    return {
        **_build_accepted(state, row),
        "video": {"url": url, **size, "download_url": ""} if url else {},
        "artifact": {"video": {}, "created_at": ZERO_DATE},
        "thumbnail": thumbnail if url else None,
        "video_raw": raw if url else {},
        "last_frame": None,
        "failure_reason": "generation failed" if state.jobs.find_state(row) == "failed" else None,
        "finish_time": 0,
    }


async def _start(request: web.Request, parent: Row | None) -> web.Response:
    state, key = request.app[STATE], find_key(request)
    if key is None:
        return refuse(401, "Invalid token", "invalid_token")
    payload = await read_payload(request)
    if not has_text(payload, "user_prompt"):
        return refuse(400, "user_prompt is required", "invalid_request")
    row = create_job(request, "vapi", key, payload, payload["user_prompt"], parent=parent)
    if row is None:
        return refuse(402, "user quota is not enough", "insufficient_user_quota")
    accepted = _build_accepted(state, row)
    return answer(accepted if parent is None else [accepted])


def _build_accepted(state: State, row: Row) -> Dict[str, Any]:
    created = iso(row["created"]).replace("Z", ".319129000Z")
    request = {"prompt": row["prompt"], "aspect_ratio": row["payload"].get("aspect_ratio", "16:9")}
    return {"id": row["id"], "state": state.jobs.find_state(row), "created_at": created, "request": request}


API = ProviderApi(
    base_path="/vapi",
    routes=(
        ("POST", "/luma/generations", create),
        ("POST", "/luma/generations/{id}/extend", extend),
        ("GET", "/luma/generations/{id}", get),
    ),
    callback=CallbackFormat(url_field="notify_hook", build_body=build_generation),
)
