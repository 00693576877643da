"""How each kind of fault strikes, down to the socket."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, Awaitable, Callable, Dict, Mapping

from aiohttp import web

from bluma_async.sandbox.routing import CUT, mark
from bluma_async.sandbox.state import STATE

if TYPE_CHECKING:
    from bluma_async.sandbox.faults import Fault
    from bluma_async.sandbox.routing import Handler

__all__ = ["EXPIRE_LINK", "FAIL_RENDER", "apply_fault"]

FaultAction = Callable[["Fault", web.Request, "Handler"], Awaitable[web.StreamResponse]]
FAIL_RENDER, EXPIRE_LINK = mark("fail_render"), mark("expire_link")
MARKS = {"fail_render": FAIL_RENDER, "expire_link": EXPIRE_LINK}
LOOK_EVERY = 0.02  # seconds between two looks at whether a silent client has gone
PAGE = "<html><head><title>{0}</title></head><body><h1>{0}</h1><hr>nginx</body></html>"


async def apply_fault(fault: Fault, request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let a fault strike a request."""
    return await FAULT_ACTIONS[fault.kind](fault, request, handler)


def cut(request: web.Request) -> web.Response:
    """Cut the connection, without an answer."""
    request[CUT] = True
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


async def _status(fault: Fault, _: web.Request, __: Handler) -> web.StreamResponse:
    headers = {} if fault.retry_after is None else {"Retry-After": f"{fault.retry_after:g}"}
    if isinstance(fault.body, str):
        return web.Response(status=fault.status, text=fault.body, headers=headers)
    error = {"type": "sandbox_fault", "title": "Fault", "status": fault.status, "detail": "A fault struck."}
    body: Any = {"error": error} if fault.body is None else fault.body
    return web.json_response(body, status=fault.status, headers=headers)


async def _status_after(fault: Fault, request: web.Request, handler: Handler) -> web.StreamResponse:
    await handler(request)
    return await _status(fault, request, handler)


async def _drop_before(_: Fault, request: web.Request, __: Handler) -> web.StreamResponse:
    return cut(request)


async def _drop_after(_: Fault, request: web.Request, handler: Handler) -> web.StreamResponse:
    await handler(request)
    return cut(request)


async def _delay(fault: Fault, request: web.Request, handler: Handler) -> web.StreamResponse:
    await _pause(request, fault.seconds)
    return await handler(request)


async def _silent(_: Fault, request: web.Request, handler: Handler) -> web.StreamResponse:
    await handler(request)
    request[CUT] = True
    while not _is_gone(request):
        await _pause(request, LOOK_EVERY)
    return cut(request)


async def _trickle(fault: Fault, request: web.Request, handler: Handler) -> web.StreamResponse:
    body, plain = await _body_of(request, handler)
    response = web.StreamResponse(status=plain.status, headers=_headers_of(plain, len(body)))
    await response.prepare(request)
    for index in range(len(body)):
        if _is_gone(request):
            return cut(request)
        await response.write(body[index : index + 1])
        await _pause(request, fault.seconds)
    return response


async def _truncate(fault: Fault, request: web.Request, handler: Handler) -> web.StreamResponse:
    body, plain = await _body_of(request, handler)
    response = web.StreamResponse(status=plain.status, headers=_headers_of(plain, max(len(body), fault.after + 1)))
    await response.prepare(request)
    await response.write(body[: fault.after])
    request[CUT] = True
    if request.transport is not None:
        request.transport.close()  # what was written still goes out
    return response


async def _not_json(_: Fault, request: web.Request, handler: Handler) -> web.StreamResponse:
    done = await handler(request)
    return web.Response(status=done.status, text="{'this': is no JSON", content_type="application/json")


async def _html(fault: Fault, _: web.Request, __: Handler) -> web.StreamResponse:
    return web.Response(status=fault.status, text=PAGE.format(fault.status), content_type="text/html")


async def _string_error(fault: Fault, _: web.Request, __: Handler) -> web.StreamResponse:
    return web.json_response({"error": fault.body or "Something went wrong"}, status=fault.status)


async def _new_status(fault: Fault, request: web.Request, handler: Handler) -> web.StreamResponse:
    body, plain = await _body_of(request, handler)
    shown: Any = json.loads(body)
    return web.json_response({**shown, "status": fault.body or "rescheduled"}, status=plain.status)


async def _marked(fault: Fault, request: web.Request, handler: Handler) -> web.StreamResponse:
    """Leave it to the handler, which looks for the mark."""
    request[MARKS[fault.kind]] = True
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
    "html": _html,
    "string_error": _string_error,
    "new_status": _new_status,
    "fail_render": _marked,
    "expire_link": _marked,
}


async def _body_of(request: web.Request, handler: Handler) -> tuple[bytes, web.StreamResponse]:
    response = await handler(request)
    if isinstance(response, web.FileResponse):
        # aiohttp has no other way to ask for the path.
        path = response._path  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
        whole = await asyncio.get_running_loop().run_in_executor(None, path.read_bytes)
        return _range_of(request, whole, response)
    body = response.body if isinstance(response, web.Response) else b""
    return bytes(body) if isinstance(body, (bytes, bytearray)) else b"", response


def _range_of(request: web.Request, whole: bytes, response: web.FileResponse) -> tuple[bytes, web.StreamResponse]:
    """Return what is asked for of a file, and the head that goes with it."""
    tag: str = getattr(response, "tag", "")
    begin = request.http_range.start or 0
    headers = {**response.headers, "ETag": tag, "Content-Type": "application/octet-stream"}
    if not begin or request.headers.get("If-Range", tag) != tag:
        return whole, web.Response(headers=headers)
    span = f"bytes {begin}-{len(whole) - 1}/{len(whole)}"
    return whole[begin:], web.Response(status=206, headers={**headers, "Content-Range": span})


def _headers_of(plain: web.StreamResponse, length: int) -> Dict[str, str]:
    kept = {name: value for name, value in plain.headers.items() if name.lower() != "content-length"}
    return {**kept, "Content-Length": str(length)}


def _is_gone(request: web.Request) -> bool:
    return request.transport is None or request.transport.is_closing() or request.app[STATE].stopping.is_set()


async def _pause(request: web.Request, seconds: float) -> None:
    """Wait in real time, unless the sandbox stops first."""
    try:
        await asyncio.wait_for(request.app[STATE].stopping.wait(), seconds)
    except asyncio.TimeoutError:
        return
