"""V-API: as its page shows it. The irregularities of its ancestor are switched on by name (quirks.py)."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Dict, Mapping, Optional

from aiohttp import web

from bluma_async.sandbox.checks import check_flag, check_text, check_url, one_of, optional, required
from bluma_async.sandbox.clock import iso
from bluma_async.sandbox.luma.provider_api import CallbackFormat, ProviderApi
from bluma_async.sandbox.luma.requests import create_job, find_callback_problem, find_key, find_problem, read_payload
from bluma_async.sandbox.luma.shapes import DEFAULT_RATIO, VAPI_RATIOS, find_size
from bluma_async.sandbox.state import STATE, State

if TYPE_CHECKING:
    from bluma_async.sandbox.checks import Field
    from bluma_async.sandbox.tables import Row

__all__ = ["API"]

HOUR = 3600.0
ZERO_DATE = "0001-01-01T00:00:00Z"
BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")
IMAGES = ("image_url", "image_end_url")


def check_image(value: Any) -> Optional[str]:
    """Accept a URL, or base64 as a data URI of an image: the ancestor takes everything else for a URL."""
    if not isinstance(value, str):
        return "must be a URL or base64 as a data URI"
    head, _, data = value.partition(",")
    is_image = head.startswith("data:image/") and head.endswith(";base64") and data and BASE64.fullmatch(data)
    return None if is_image or check_url(value) is None else "must be a URL or base64 as a data URI"


EXTENSION: Mapping[str, Field] = {
    "user_prompt": required(check_text),
    "expand_prompt": optional(check_flag),
    "notify_hook": optional(check_url),
    **dict.fromkeys(IMAGES, optional(check_image)),
}
CREATE: Mapping[str, Field] = {
    **EXTENSION,
    "loop": optional(check_flag),
    "aspect_ratio": optional(one_of(*VAPI_RATIOS)),
}


def refuse(request: web.Request, status: int, message: str, code: str) -> web.Response:
    """Answer with an error."""
    documents = [json.dumps({"error": {"message": message, "type": "new_api_error", "param": "", "code": code}})]
    if "two_documents" in list_quirks(request.app[STATE]):
        documents.append(json.dumps({"detail": {"reason": message, "code": 1}}))
    return _answer_text(request, "".join(documents), status)


def answer(request: web.Request, document: object) -> web.Response:
    """Answer with JSON."""
    return _answer_text(request, json.dumps(document), 200)


def list_quirks(state: State) -> tuple[str, ...]:
    """Return the irregularities that are switched on."""
    return state.cruelty.value.vapi_quirks


async def create(request: web.Request) -> web.Response:
    """Start a generation."""
    return await _start(request, CREATE)


async def extend(request: web.Request) -> web.Response:
    """Extend a generation, which must be completed; the extension has its shape."""
    if find_key(request) is None:
        return _refuse_key(request)
    parent = request.app[STATE].jobs.find("vapi", request.match_info["id"])
    if parent is None:
        return refuse(request, 404, "task not exist", "task_not_exist")
    if request.app[STATE].jobs.find_state(parent) != "completed":
        return refuse(request, 400, "the task is not completed", "invalid_request")
    return await _start(request, EXTENSION, parent)


async def get(request: web.Request) -> web.Response:
    """Return a generation."""
    if find_key(request) is None:
        return _refuse_key(request)
    state = request.app[STATE]
    row = state.jobs.find("vapi", request.match_info["id"])
    if row is None:
        return refuse(request, 404, "task not exist", "task_not_exist")
    await state.outlook.note_read(row["id"], [row])
    return answer(request, build_generation(state, row))


def build_generation(state: State, row: Row) -> Dict[str, Any]:
    """Return a generation as reads and callbacks have it."""
    url, thumbnail = state.jobs.sign_url(row, HOUR), {"url": state.jobs.thumbnail(row), "media_type": "image"}
    size = state.jobs.read_size(row)
    raw = {"url": url, **size, "duration": float(row["duration"]), "media_type": "video"}
    return {
        **_build_accepted(state, row),
        "video": {"url": url, **size, "download_url": url} if url else {},
        "artifact": {"video": {}, "created_at": ZERO_DATE},
        "thumbnail": {**thumbnail, **size} if url else None,
        "video_raw": raw if url else {},
        "last_frame": None,
        "failure_reason": "generation failed" if state.jobs.find_state(row) == "failed" else None,
    }


async def _start(request: web.Request, fields: Mapping[str, Field], parent: Row | None = None) -> web.Response:
    key = find_key(request)
    if key is None:
        return _refuse_key(request)
    # Empty text counts as absent, because the ancestor drops it.
    payload = {name: value for name, value in (await read_payload(request)).items() if value != ""}
    problem = find_problem(payload, fields) or find_callback_problem(request, payload, "notify_hook")
    if problem is not None:
        return refuse(request, 400, problem, "invalid_request")
    payload["aspect_ratio"] = _find_ratio(payload) if parent is None else _find_ratio(parent["payload"])
    kept = {name: value for name, value in payload.items() if name not in IMAGES}  # images of many MB have no use here
    details = {"parent": parent, "size": find_size(payload["aspect_ratio"])}
    row = create_job(request, "vapi", key, kept, payload["user_prompt"], **details)
    if row is None:
        return refuse(request, 402, "user quota is not enough", "insufficient_user_quota")
    accepted = _build_accepted(request.app[STATE], row)
    is_list = parent is not None and "list_of_one" in list_quirks(request.app[STATE])
    return answer(request, [accepted] if is_list else accepted)


def _find_ratio(payload: Mapping[str, Any]) -> str:
    return str(payload.get("aspect_ratio") or DEFAULT_RATIO)


def _build_accepted(state: State, row: Row) -> Dict[str, Any]:
    fraction = "319129000" if "nine_digits" in list_quirks(state) else "319129"
    created = iso(row["created"]).replace("Z", f".{fraction}Z")
    request = {"prompt": row["prompt"], "aspect_ratio": _find_ratio(row["payload"])}
    return {"id": row["id"], "state": state.jobs.find_state(row), "created_at": created, "request": request}


def _refuse_key(request: web.Request) -> web.Response:
    return refuse(request, 401, "Invalid token", "invalid_token")


def _answer_text(request: web.Request, text: str, status: int) -> web.Response:
    kind = "text/plain" if "text_plain" in list_quirks(request.app[STATE]) else "application/json"
    return web.Response(status=status, text=text, content_type=kind)


API = ProviderApi(
    base_path="/vapi",
    routes=(
        ("POST", "/luma/generations", create),
        ("POST", "/luma/generations/{id}/extend", extend),
        ("GET", "/luma/generations/{id}", get),
    ),
    callback=CallbackFormat(url_field="notify_hook", build_body=build_generation),
)
