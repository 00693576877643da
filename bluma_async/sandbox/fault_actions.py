"""
The effect of each kind of fault, down to the socket: one async function a kind, in the table FAULT_ACTIONS.

An action gets the fault, the request and the rest of the chain. It decides whether the request is handled, and it may
replace, delay, damage or drop the answer.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, Awaitable, Callable, Dict, Mapping

from aiohttp import web

from bluma_async.sandbox.checks import JSON_TYPE, read_ahead
from bluma_async.sandbox.routing import IS_CUT, find_route_name, make_request_key
from bluma_async.sandbox.state import STATE
from bluma_async.sandbox.threads import in_thread

if TYPE_CHECKING:
    from bluma_async.sandbox.faults import Fault
    from bluma_async.sandbox.routing import Handler

__all__ = ["AT_ONCE", "EXPIRE_LINK", "FAIL_RENDER", "apply_fault"]

FaultAction = Callable[["Fault", web.Request, "Handler"], Awaitable[web.StreamResponse]]
FAIL_RENDER, EXPIRE_LINK = make_request_key("fail_render"), make_request_key("expire_link")
# Set if the fault gives its answer at once: a create then does not wait for its commit, which may be late.
AT_ONCE = make_request_key("at_once")
IMMEDIATE = frozenset(("status_after", "drop_after", "silent", "truncate", "not_json", "stray_answer"))
REQUEST_KEYS = {"fail_render": FAIL_RENDER, "expire_link": EXPIRE_LINK}
MOST_AHEAD = 2**25  # bytes; no handler accepts a larger body
DISCONNECT_CHECK_INTERVAL = 0.02  # seconds; aiohttp has no callback for a client that disconnects
PAGE = "<html><head><title>{0}</title></head><body><h1>{0}</h1><hr>nginx</body></html>"


async def apply_fault(fault: Fault, request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer a request as the fault prescribes."""
    if fault.kind in IMMEDIATE:
        request[AT_ONCE] = True
    return await FAULT_ACTIONS[fault.kind](fault, request, handler)


def cut_connection(request: web.Request) -> web.Response:
    """Abort the connection; the client gets no answer."""
    request[IS_CUT] = True
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


async def _status(fault: Fault, _: web.Request, __: Handler) -> web.StreamResponse:
    headers = {} if fault.retry_after is None else {"Retry-After": f"{fault.retry_after:g}"}
    if fault.body == "html":
        page = PAGE.format(fault.status)
        return web.Response(status=fault.status, text=page, content_type="text/html", headers=headers)
    if isinstance(fault.body, str):
        text = "" if fault.body == "empty" else fault.body
        return web.Response(status=fault.status, text=text, headers=headers)
    error = {"type": "sandbox_fault", "title": "Fault", "status": fault.status, "detail": "A fault was injected."}
    body: Any = {"error": error} if fault.body is None else fault.body
    return web.json_response(body, status=fault.status, headers=headers)


async def _status_after(fault: Fault, request: web.Request, handler: Handler) -> web.StreamResponse:
    await handler(request)
    return await _status(fault, request, handler)


async def _drop_before(_: Fault, request: web.Request, __: Handler) -> web.StreamResponse:
    return cut_connection(request)


async def _drop_after(_: Fault, request: web.Request, handler: Handler) -> web.StreamResponse:
    await handler(request)
    return cut_connection(request)


async def _delay(fault: Fault, request: web.Request, handler: Handler) -> web.StreamResponse:
    """Handle a request late, also if its client has left by then: a slow server bills a create all the same."""
    try:
        if request.content_type == JSON_TYPE:
            await read_ahead(request, MOST_AHEAD)  # now: aiohttp drops the bytes of a client that has left
        await _pause(request, fault.seconds)
        response = await handler(request)
    except ConnectionResetError:  # the client left before its whole body was here
        return cut_connection(request)
    return cut_connection(request) if request.transport is None else response


async def _silent(_: Fault, request: web.Request, handler: Handler) -> web.StreamResponse:
    await handler(request)
    request[IS_CUT] = True
    while not _is_disconnected(request):
        await _pause(request, DISCONNECT_CHECK_INTERVAL)
    return cut_connection(request)


async def _trickle(fault: Fault, request: web.Request, handler: Handler) -> web.StreamResponse:
    body, plain = await _read_body(request, handler)
    response = web.StreamResponse(status=plain.status, headers=_copy_headers(plain, len(body)))
    await response.prepare(request)
    for index in range(len(body)):
        if _is_disconnected(request):
            return cut_connection(request)
        await response.write(body[index : index + 1])
        await _pause(request, fault.seconds)
    return response


async def _truncate(fault: Fault, request: web.Request, handler: Handler) -> web.StreamResponse:
    body, plain = await _read_body(request, handler)
    response = web.StreamResponse(status=plain.status, headers=_copy_headers(plain, max(len(body), fault.after + 1)))
    await response.prepare(request)
    await response.write(body[: fault.after])
    request[IS_CUT] = True
    if request.transport is not None:
        request.transport.close()  # unlike abort(), it still sends the bytes that were written
    return response


async def _not_json(_: Fault, request: web.Request, handler: Handler) -> web.StreamResponse:
    done = await handler(request)
    return web.Response(status=done.status, text="{'this': is not JSON", content_type="application/json")


async def _stray_answer(_: Fault, request: web.Request, handler: Handler) -> web.StreamResponse:
    """Handle the request, and send the answer to an earlier request of its route; without one, the right answer."""
    right = await handler(request)
    answer = request.app[STATE].last_answers.get(find_route_name(request))
    return right if answer is None else web.Response(status=answer[0], body=answer[1], content_type="application/json")


async def _html(fault: Fault, _: web.Request, __: Handler) -> web.StreamResponse:
    return web.Response(status=fault.status, text=PAGE.format(fault.status), content_type="text/html")


async def _string_error(fault: Fault, _: web.Request, __: Handler) -> web.StreamResponse:
    return web.json_response({"error": fault.body or "Something went wrong"}, status=fault.status)


async def _new_status(fault: Fault, request: web.Request, handler: Handler) -> web.StreamResponse:
    body, plain = await _read_body(request, handler)
    shown: Any = json.loads(body)
    return web.json_response({**shown, "status": fault.body or "rescheduled"}, status=plain.status)


async def _flag_request(fault: Fault, request: web.Request, handler: Handler) -> web.StreamResponse:
    """Set a flag on the request; the effect is in the handler, which reads it."""
    request[REQUEST_KEYS[fault.kind]] = True
    return await handler(request)


FAULT_ACTIONS: Mapping[str, FaultAction] = {
    "status": _status,
    "status_after": _status_after,
    "drop_before": _drop_before,
    "drop_after": _drop_after,
    "delay": _delay,
    "silent": _silent,
    "trickle": _trickle,
    "truncate": _truncate,
    "not_json": _not_json,
    "stray_answer": _stray_answer,
    "html": _html,
    "string_error": _string_error,
    "new_status": _new_status,
    "fail_render": _flag_request,
    "expire_link": _flag_request,
}


async def _read_body(request: web.Request, handler: Handler) -> tuple[bytes, web.StreamResponse]:
    response = await handler(request)
    if isinstance(response, web.FileResponse):
        path = response._path  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]  # aiohttp has no public name for it
        whole = await in_thread(path.read_bytes)
        return _slice_range(request, whole, response)
    body = response.body if isinstance(response, web.Response) else b""
    return bytes(body) if isinstance(body, (bytes, bytearray)) else b"", response


def _slice_range(request: web.Request, whole: bytes, response: web.FileResponse) -> tuple[bytes, web.StreamResponse]:
    """Return the requested range of a file, and the response headers for it."""
    tag: str = getattr(response, "tag", "")
    begin = request.http_range.start or 0
    headers = {**response.headers, "ETag": tag, "Content-Type": "application/octet-stream"}
    if not begin or request.headers.get("If-Range", tag) != tag:
        return whole, web.Response(headers=headers)
    span = f"bytes {begin}-{len(whole) - 1}/{len(whole)}"
    return whole[begin:], web.Response(status=206, headers={**headers, "Content-Range": span})


def _copy_headers(plain: web.StreamResponse, length: int) -> Dict[str, str]:
    kept = {name: value for name, value in plain.headers.items() if name.lower() != "content-length"}
    return {**kept, "Content-Length": str(length)}


def _is_disconnected(request: web.Request) -> bool:
    return request.transport is None or request.transport.is_closing() or request.app[STATE].stopping.is_set()


async def _pause(request: web.Request, seconds: float) -> None:
    """Wait in real time; return early if the sandbox stops."""
    state = request.app[STATE]
    try:
        with state.activity.pause():
            await asyncio.wait_for(state.stopping.wait(), seconds)
    except asyncio.TimeoutError:
        return
