"""
What every request passes on its way in, and every answer on its way out.

The order is the API's: the key is asked for before anything else, on paths that do not exist too.
"""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING, Any, Dict, Mapping, Optional, Sequence

from aiohttp import web

from bluma_async.sandbox.clock import http_date, iso
from bluma_async.sandbox.fault_actions import apply_fault
from bluma_async.sandbox.journal import RequestRecord
from bluma_async.sandbox.keys import SESSION_TOKEN, kind_of
from bluma_async.sandbox.problems import Problem
from bluma_async.sandbox.routing import API, BUDGET, CUT, KEY, SERVED, Handler, Route
from bluma_async.sandbox.state import STATE

if TYPE_CHECKING:
    from bluma_async.sandbox.tables import Row

__all__ = ["ROUTES", "middlewares"]

ROUTES: web.AppKey[Mapping[Any, Route]] = web.AppKey("routes")
NO_KEY = {"error": "No authorization token provided"}
WRONG_KEY = "The API key provided is invalid or has been revoked."
NO_SCOPE = "This API key does not have the required scope to perform this action."


@web.middleware
async def dated(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Date every answer by the sandbox's clock: clients compare it with `created_at`."""
    try:
        response = await handler(request)
    except web.HTTPException as refusal:
        response = web.Response(status=refusal.status, text=refusal.text, headers=refusal.headers)
    if not response.prepared:
        response.headers["Date"] = http_date(request.app[STATE].clock.time())
    return response


@web.middleware
async def journalled(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Note every API request, also those whose answer never leaves."""
    if not request.path.startswith(request.app[SERVED]):
        return await handler(request)
    state, began, at = request.app[STATE], time.monotonic(), request.app[STATE].clock.time()
    status: Optional[int] = None
    try:
        response = await handler(request)
        status = None if request.get(CUT) else response.status
    finally:
        key: Optional[Row] = request.get(KEY)
        await state.journal.add(
            RequestRecord(
                id=f"req_{secrets.token_hex(6)}",
                method=request.method,
                path=request.path,
                query=request.query_string,
                route=route_name(request),
                status=status,
                key=kind_of(key),
                key_id=key["id"] if key else None,
                idempotency_key=request.headers.get("Idempotency-Key"),
                at=at,
                latency=(time.monotonic() - began) * 1000,
            )
        )
    return response


@web.middleware
async def faulty(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let a fault strike."""
    state = request.app[STATE]
    fault = None
    if not request.path.startswith("/_sandbox/"):
        fault = state.faults.strike(route_name(request), request.path.replace(API, "", 1))
    return await handler(request) if fault is None else await apply_fault(fault, request, handler)


@web.middleware
async def refusing(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn refusals into the API's JSON."""
    try:
        return await handler(request)
    except Problem as problem:
        return refusal(request, problem)
    except web.HTTPException as raised:
        if not request.path.startswith(API + "/") or raised.status < 400:
            raise
        return refusal(request, _problem_of(request, raised))


@web.middleware
async def authorised(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Ask for the key, count the request against its budget, and see that it may do this."""
    if not request.path.startswith(API + "/"):
        return await handler(request)
    state, token = request.app[STATE], _bearer(request)
    if token is None:
        return web.json_response(NO_KEY, status=401)
    route = request.app[ROUTES].get(request.match_info.handler)
    if token == SESSION_TOKEN and route is not None and route.path.startswith("/api-keys"):
        return await handler(request)
    key = state.keys.find(token)
    if key is None:
        raise Problem(401, WRONG_KEY, metadata={"key_prefix": token[:20]})
    request[KEY] = key
    budget = state.windows.enter(key)
    request[BUDGET] = budget
    state.keys.used(key)
    if route is not None and route.scope is not None and route.scope not in key["scopes"]:
        raise Problem(403, NO_SCOPE, metadata={"required_scope": route.scope, "available_scopes": key["scopes"]})
    response = await handler(request)
    if not response.prepared:
        response.headers.update(budget)
    return response


middlewares: Sequence[Any] = (dated, journalled, faulty, refusing, authorised)


def route_name(request: web.Request) -> str:
    """Return what a fault calls the request's route."""
    route = request.app[ROUTES].get(request.match_info.handler)
    if route is not None:
        return f"{request.method} {route.path}"
    resource = request.match_info.route.resource
    return f"{request.method} {resource.canonical if resource else request.path}"


def refusal(request: web.Request, problem: Problem) -> web.Response:
    """Return the API's JSON for a refusal."""
    now = iso(request.app[STATE].clock.time())
    headers: Dict[str, str] = {**request.get(BUDGET, {}), **problem.headers}
    body = problem.to_json(f"req_{secrets.token_hex(6)}", now)
    return web.json_response(body, status=problem.status, headers=headers)


def _bearer(request: web.Request) -> str | None:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def _problem_of(request: web.Request, raised: web.HTTPException) -> Problem:
    if isinstance(raised, web.HTTPMethodNotAllowed):
        allowed = ", ".join(sorted(raised.allowed_methods))
        return Problem(405, f"{request.method} is not allowed here; {allowed} is.", headers={"Allow": allowed})
    if raised.status == 404:
        metadata = {"resource_type": "route", "resource_id": request.path}
        return Problem(404, f"There is nothing at {request.path}.", metadata=metadata)
    return Problem(raised.status, raised.reason)
