"""kie.ai: every answer is a 200, and the body says what it is."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Dict, List

from aiohttp import web

from bluma_async.sandbox.api_errors import ApiError
from bluma_async.sandbox.keys import classify_key
from bluma_async.sandbox.luma.requests import body_of, fails, key_of
from bluma_async.sandbox.state import STATE, State

if TYPE_CHECKING:
    from bluma_async.sandbox.tables import Row

__all__ = ["ROUTES", "callback_view"]

FORTNIGHT = 14 * 86400.0
CREATES, WINDOW = 20, 10.0  # creates in so many seconds
SUCCESS, FAILED, TOLD_NOBODY = 1, 3, 4


def answer(code: int, message: str, data: Any = None) -> web.Response:
    return web.json_response({"code": code, "msg": message, "data": data})


async def generate(request: web.Request) -> web.Response:
    """Start a modification."""
    state, key = request.app[STATE], key_of(request)
    if key is None:
        return web.json_response({"code": 401, "msg": "You do not have access permissions"})
    asked = await body_of(request)
    for name in ("prompt", "videoUrl"):
        if not isinstance(asked.get(name), str) or not asked[name]:
            return answer(422, f"{name} is required")
    if not asked["videoUrl"].startswith(("http://", "https://")):
        return answer(422, "videoUrl is not a valid URL")
    if _is_too_fast(state):
        return answer(429, "Too many requests")
    try:
        row = state.jobs.create("kie", str(classify_key(key)), asked, fails=fails(request))
    except ApiError:
        return answer(402, "Insufficient credits")
    return answer(200, "success", {"taskId": row["id"]})


async def record_info(request: web.Request) -> web.Response:
    """Show a modification."""
    state = request.app[STATE]
    if key_of(request) is None:
        return web.json_response({"code": 401, "msg": "You do not have access permissions"})
    row = state.jobs.find("kie", request.query.get("taskId", ""))
    return answer(200, "success", None if row is None else _view(state, row))


async def credit(request: web.Request) -> web.Response:
    """Tell the balance, as a bare number."""
    if key_of(request) is None:
        return web.json_response({"code": 401, "msg": "You do not have access permissions"})
    return answer(200, "success", request.app[STATE].ledger.balance)


def callback_view(state: State, row: Row) -> Dict[str, Any]:
    """Return what a callback carries."""
    asked = {"taskId": row["id"], "promptJson": _asked(row)}
    if row["fails"]:
        return {"code": 500, "msg": "Modify record generation failed.", "data": asked}
    links = {"resultUrls": _links(state, row)}
    return {"code": 200, "msg": "Modify record generated successfully.", "data": {**asked, **links}}


def _view(state: State, row: Row) -> Dict[str, Any]:
    is_over, found = row["completed"] is not None, _links(state, row)
    flag = 0 if not is_over else FAILED if row["fails"] else TOLD_NOBODY if row["callback_failed"] else SUCCESS
    response = {"taskId": row["id"], "originUrls": [row["asked"]["videoUrl"]], "resultUrls": found}
    return {
        "taskId": row["id"],
        "paramJson": _asked(row),
        "completeTime": int(row["completed"] * 1000) if is_over else None,
        "response": response if flag in {SUCCESS, TOLD_NOBODY} else None,
        "successFlag": flag,
        "createTime": int(row["created"] * 1000),
        "errorCode": 501 if flag == FAILED else None,
        "errorMessage": "generation failed" if flag == FAILED else None,
    }


def _links(state: State, row: Row) -> List[str]:
    link = state.jobs.link(row, FORTNIGHT)
    return [link] if link else []


def _asked(row: Row) -> str:
    asked = row["asked"]
    told = {name: asked.get(name, "") for name in ("callBackUrl", "prompt", "videoUrl")}
    return json.dumps({**told, "waterMark": asked.get("watermark", "")})


def _is_too_fast(state: State) -> bool:
    since = state.clock.time() - WINDOW
    recent = [row for row in state.jobs.all() if row["provider"] == "kie" and row["created"] > since]
    return len(recent) >= CREATES


ROUTES = (
    ("POST", "/kie/api/v1/modify/generate", generate),
    ("GET", "/kie/api/v1/modify/record-info", record_info),
    ("GET", "/kie/api/v1/chat/credit", credit),
)
