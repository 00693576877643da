"""kie.ai: the HTTP status of every answer is 200; the `code` in the body is the real one."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import uuid
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Optional
from urllib.parse import urlsplit

from aiohttp import web

from bluma_async.sandbox.addresses import is_loopback, parse_address
from bluma_async.sandbox.checks import check_string, check_text, check_url, optional, required
from bluma_async.sandbox.luma.provider_api import CallbackFormat, ProviderApi
from bluma_async.sandbox.luma.requests import create_job, find_callback_problem, find_key, find_problem, read_payload
from bluma_async.sandbox.state import STATE, State

if TYPE_CHECKING:
    from bluma_async.sandbox.checks import Field
    from bluma_async.sandbox.tables import Row

__all__ = ["API"]

FORTNIGHT = 14 * 86400.0
MAX_CREATES, WINDOW = 20, 10.0  # so many creates in so many seconds
SUCCESS, FAILED, CALLBACK_FAILED = 1, 3, 4


def check_public_url(value: Any) -> Optional[str]:
    """Accept a URL that is not of this machine or of a private network: kie.ai fetches the video itself."""
    problem = check_url(value)
    if problem is None:
        host = urlsplit(str(value)).hostname or ""
        address = parse_address(host)
        if is_loopback(host) or (address is not None and not address.is_global):
            problem = "must be publicly accessible"
    return problem


BODY: Mapping[str, Field] = {
    "prompt": required(check_text),
    "videoUrl": required(check_public_url),
    "callBackUrl": optional(check_url),
    "watermark": optional(check_string),
}


def answer(code: int, message: str, data: Any = None) -> web.Response:
    return web.json_response({"code": code, "msg": message, "data": data})


def unauthorized() -> web.Response:
    return web.json_response({"code": 401, "msg": "You do not have access permissions"})


async def generate(request: web.Request) -> web.Response:
    """Start a modification."""
    key = find_key(request)
    if key is None:
        return unauthorized()
    payload = await read_payload(request)
    problem = find_problem(payload, BODY) or find_callback_problem(request, payload, "callBackUrl")
    if problem is not None:
        return answer(422, problem)
    if _is_too_fast(request.app[STATE]):
        return answer(429, "Too many requests")
    details = {"identifier": uuid.uuid4().hex, "mark": payload.get("watermark") or None}
    row = create_job(request, "kie", key, payload, payload["prompt"], **details)
    return answer(402, "Insufficient credits") if row is None else answer(200, "success", {"taskId": row["id"]})


async def record_info(request: web.Request) -> web.Response:
    """Return a modification; success without data for an unknown id."""
    if find_key(request) is None:
        return unauthorized()
    state = request.app[STATE]
    row = state.jobs.find("kie", request.query.get("taskId", ""))
    await state.outlook.note_read(request.query_string, [row] if row else [])
    return answer(200, "success", None if row is None else _build_record(state, row))


async def credit(request: web.Request) -> web.Response:
    """Return the balance as a bare number."""
    if find_key(request) is None:
        return unauthorized()
    return answer(200, "success", request.app[STATE].ledger.balance)


def build_callback(state: State, row: Row) -> Dict[str, Any]:
    """Return the body of a callback."""
    data = {"taskId": row["id"], "promptJson": _build_param_json(row)}
    if row["fails"]:
        return {"code": 500, "msg": "Modify record generation failed.", "data": data}
    urls = {"resultUrls": _sign_urls(state, row)}
    return {"code": 200, "msg": "Modify record generated successfully.", "data": {**data, **urls}}


def build_callback_headers(row: Row, timestamp: str, secret: str) -> Mapping[str, str]:
    """Return the headers that sign a callback: base64 of the HMAC-SHA256 of `<task id>.<Unix time>`."""
    signature = hmac.digest(secret.encode(), f"{row['id']}.{timestamp}".encode(), hashlib.sha256)
    return {"X-Webhook-Timestamp": timestamp, "X-Webhook-Signature": base64.b64encode(signature).decode("ascii")}


def _build_record(state: State, row: Row) -> Dict[str, Any]:
    is_final, urls = row["completed"] is not None, _sign_urls(state, row)
    flag = 0 if not is_final else FAILED if row["fails"] else CALLBACK_FAILED if row["callback_failed"] else SUCCESS
    response = {"taskId": row["id"], "originUrls": [row["payload"]["videoUrl"]], "resultUrls": urls}
    return {
        "taskId": row["id"],
        "paramJson": _build_param_json(row),
        "completeTime": int(row["completed"] * 1000) if is_final else None,
        "response": response if flag in {SUCCESS, CALLBACK_FAILED} else None,
        "successFlag": flag,
        "createTime": int(row["created"] * 1000),
        "errorCode": 501 if flag == FAILED else None,
        "errorMessage": "generation failed" if flag == FAILED else None,
    }


def _sign_urls(state: State, row: Row) -> List[str]:
    url = state.jobs.sign_url(row, FORTNIGHT)
    return [url] if url else []


def _build_param_json(row: Row) -> str:
    payload = row["payload"]
    fields = {name: payload.get(name, "") for name in ("callBackUrl", "prompt", "videoUrl")}
    return json.dumps({**fields, "waterMark": payload.get("watermark", "")})


def _is_too_fast(state: State) -> bool:
    since = state.clock.time() - WINDOW
    recent = [row for row in state.jobs.all() if row["provider"] == "kie" and row["created"] > since]
    return len(recent) >= MAX_CREATES


API = ProviderApi(
    base_path="/kie",
    routes=(
        ("POST", "/api/v1/modify/generate", generate),
        ("GET", "/api/v1/modify/record-info", record_info),
        ("GET", "/api/v1/chat/credit", credit),
    ),
    callback=CallbackFormat(url_field="callBackUrl", build_body=build_callback, build_headers=build_callback_headers),
)
