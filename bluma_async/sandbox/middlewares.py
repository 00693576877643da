"""
The middlewares: steps that every request and every answer pass, outermost first.

The order is the API's: the key is checked before the path, so a path that does not exist needs a valid key too.
Faults are injected outside of authentication: a gateway that fails does so for every request, with or without a key.
"""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING, Any, Dict, Optional, Sequence

from aiohttp import web

from bluma_async.sandbox.access import guard_control, refuse_host
from bluma_async.sandbox.api_errors import ApiError
from bluma_async.sandbox.clock import iso
from bluma_async.sandbox.fault_actions import apply_fault
from bluma_async.sandbox.keys import SESSION_TOKEN, classify_key
from bluma_async.sandbox.recorder import LARGEST_BODY, Exchange
from bluma_async.sandbox.request_log import RequestRecord
from bluma_async.sandbox.routing import (
    API,
    BODY,
    IS_CUT,
    KEY,
    LOGGED,
    RATE_LIMIT_HEADERS,
    ROUTES_BY_HANDLER,
    VIDEO_ID,
    Handler,
    find_route_name,
)
from bluma_async.sandbox.state import STATE

if TYPE_CHECKING:
    from bluma_async.sandbox.tables import Row

__all__ = ["MIDDLEWARES"]

NO_KEY = {"error": "No authorization token provided"}
INVALID_KEY = "The API key provided is invalid or has been revoked."
MISSING_SCOPE = "This API key does not have the required scope to perform this action."


@web.middleware
async def watch_connection(request: web.Request, handler: Handler) -> web.StreamResponse:
    """
    Count the request, and tell when the connection is idle, because Cruelty may close idle ones.

    The bytes of files are sent later, and left out.
    """
    idle, transport = request.app[STATE].idle, request.transport
    idle.mark_busy(transport)
    try:
        with request.app[STATE].activity.request():
            return await handler(request)
    finally:
        if request.path.startswith(request.app[LOGGED]):
            idle.mark_idle(transport)


@web.middleware
async def check_host(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Serve only requests whose Host header names this machine. Others are not API requests, and are not recorded."""
    refusal = refuse_host(request)
    return await handler(request) if refusal is None else make_error_answer(request, refusal)


@web.middleware
async def log_request(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Record every API request, also one whose answer is never sent."""
    if not request.path.startswith(request.app[LOGGED]):
        return await handler(request)
    began, at = time.monotonic(), request.app[STATE].clock.time()
    status: Optional[int] = None
    answered: Optional[web.StreamResponse] = None
    try:
        response = answered = await handler(request)
        status = None if request.get(IS_CUT) else response.status
    finally:
        record = _make_record(request, status, at, latency=(time.monotonic() - began) * 1000)
        if request.app[STATE].recorder.is_active:
            request.app[STATE].recorder.add_exchange(record.id, _make_exchange(request, answered))
        await request.app[STATE].request_log.add(record)
    return response


@web.middleware
async def inject_fault(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Apply the first fault that matches the request, or one that Cruelty draws, if there is one."""
    if request.path == "/" or request.path.startswith("/_sandbox/"):
        return await handler(request)
    state, route = request.app[STATE], find_route_name(request)
    fault = state.faults.take(route, request.path.replace(API, "", 1)) or state.random_faults.draw(route)
    if fault is not None:
        return await apply_fault(fault, request, handler)
    response = await handler(request)
    if response.status < 300 and isinstance(response, web.Response) and isinstance(response.body, bytes):
        state.last_answers[route] = (response.status, response.body)
    return response


@web.middleware
async def convert_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Convert an ApiError, or an error of aiohttp's router, to an answer with the API's JSON envelope."""
    try:
        return await handler(request)
    except ApiError as error:
        return make_error_answer(request, error)
    except web.HTTPException as raised:
        if not request.path.startswith(API + "/") or raised.status < 400:
            raise
        return make_error_answer(request, _convert(request, raised))


@web.middleware
async def authorise(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Check the key, count the request against the key's rate limit, and check the route's scope."""
    if not request.path.startswith(API + "/"):
        return await handler(request)
    state, token = request.app[STATE], _read_bearer_token(request)
    if token is None:
        return web.json_response(NO_KEY, status=401)
    route = request.app[ROUTES_BY_HANDLER].get(request.match_info.handler)
    if token == SESSION_TOKEN and route is not None and route.path.startswith("/api-keys"):
        return await handler(request)
    key = state.keys.find(token)
    if key is None:
        raise ApiError(401, INVALID_KEY, metadata={"key_prefix": token[:20]})
    request[KEY] = key
    headers = state.rate_limits.count_request(key)
    request[RATE_LIMIT_HEADERS] = headers
    state.keys.mark_used(key)
    if route is not None and route.scope is not None and route.scope not in key["scopes"]:
        metadata = {"required_scope": route.scope, "available_scopes": key["scopes"]}
        raise ApiError(403, MISSING_SCOPE, metadata=metadata)
    response = await handler(request)
    if not response.prepared:
        response.headers.update(headers)
    return response


MIDDLEWARES: Sequence[Any] = (
    watch_connection, check_host, log_request, inject_fault, convert_errors, guard_control, authorise,
)  # fmt: skip


def make_error_answer(request: web.Request, error: ApiError) -> web.Response:
    """Return an error as the API's JSON envelope."""
    now = iso(request.app[STATE].clock.time())
    headers: Dict[str, str] = {**request.get(RATE_LIMIT_HEADERS, {}), **error.headers}
    body = error.to_json(f"req_{secrets.token_hex(6)}", now)
    return web.json_response(body, status=error.status, headers=headers)


def _make_record(request: web.Request, status: int | None, at: float, latency: float) -> RequestRecord:
    key: Optional[Row] = request.get(KEY)
    return RequestRecord(
        id=f"req_{secrets.token_hex(6)}",
        method=request.method,
        path=request.path,
        query=request.query_string,
        route=find_route_name(request),
        status=status,
        key=classify_key(key),
        key_id=key["id"] if key else None,
        idempotency_key=request.headers.get("Idempotency-Key"),
        video_id=request.get(VIDEO_ID),
        at=at,
        latency=latency,
    )


def _make_exchange(request: web.Request, response: web.StreamResponse | None) -> Exchange:
    """Return what is known of the bodies; a request that was answered early may have its body in the buffer still."""
    body: Optional[bytes] = request.get(BODY)
    is_text = not request.content_type.startswith("multipart/")
    if body is None and is_text and request.can_read_body and request.content.exception() is None:
        body = request.content.read_nowait(LARGEST_BODY) or None
    is_sent = response is not None and not request.get(IS_CUT)
    answer = response.body if isinstance(response, web.Response) and is_sent else None
    return Exchange(
        request_headers=request.headers,
        request_body=body if body is None else body[:LARGEST_BODY],
        response_headers=response.headers if response is not None and is_sent else None,
        response_body=bytes(answer[:LARGEST_BODY]) if isinstance(answer, (bytes, bytearray)) else None,
    )


def _read_bearer_token(request: web.Request) -> str | None:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def _convert(request: web.Request, raised: web.HTTPException) -> ApiError:
    if isinstance(raised, web.HTTPMethodNotAllowed):
        allowed = ", ".join(sorted(raised.allowed_methods))
        return ApiError(405, f"{request.method} is not allowed here; {allowed} is.", headers={"Allow": allowed})
    if raised.status == 404:
        metadata = {"resource_type": "route", "resource_id": request.path}
        return ApiError(404, f"There is nothing at {request.path}.", metadata=metadata)
    return ApiError(raised.status, raised.reason)
