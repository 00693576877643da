"""
Handlers of `/_sandbox`, the control surface: tests in any language inspect the sandbox, inject faults, move the clock.

It needs no key, so it is served on loopback addresses only, unless `allow_remote_control` is set.
"""

from __future__ import annotations

from typing import Any, Dict

from aiohttp import web

from bluma_async.sandbox.api_errors import ApiError, bad_request
from bluma_async.sandbox.checks import check_flag, check_text, optional, read_json, required
from bluma_async.sandbox.clock import iso
from bluma_async.sandbox.handlers.credits import transaction_view
from bluma_async.sandbox.page_views import show_clock, show_faults
from bluma_async.sandbox.state import STATE, State

__all__ = ["CONTROL_ROUTES"]

LONGEST_MOVE = 10 * 365 * 86400.0  # seconds


async def show_state(request: web.Request) -> web.Response:
    """Return the time, and how many jobs, bills, credits and requests there are."""
    return web.json_response(request.app[STATE].summary())


async def show_requests(request: web.Request) -> web.Response:
    """Return the log of API requests, newest last."""
    records = [
        {
            "method": record.method,
            "path": record.path,
            "query": record.query,
            "status": record.status,
            "key": record.key,
            "idempotency_key": record.idempotency_key,
            "video_id": record.video_id,
            "at": iso(record.at),
        }
        for record in request.app[STATE].request_log.records
    ]
    return web.json_response({"requests": records})


async def clear_requests(request: web.Request) -> web.Response:
    """Clear the log of requests."""
    request.app[STATE].request_log.clear()
    return web.json_response({})


async def show_ledger(request: web.Request) -> web.Response:
    """Return every transaction, newest first; unlike the API, it marks those of strangers."""
    rows = request.app[STATE].ledger.transactions
    shown = [{**transaction_view(row), "is_stranger": bool(row.get("stranger"))} for row in rows]
    return web.json_response({"transactions": shown})


async def show_creates(request: web.Request) -> web.Response:
    """Return every create with its Idempotency-Key, its video, and whether that was billed."""
    return web.json_response({"creates": request.app[STATE].list_creates()})


async def add_fault(request: web.Request) -> web.Response:
    """Add a fault."""
    body = await read_json(request, {"route": required(check_text), "kind": required(check_text)})
    try:
        fault = request.app[STATE].faults.add(**body)
    except (ValueError, TypeError) as error:
        raise bad_request(("fault", str(error))) from None
    answer: Dict[str, Any] = {"route": fault.route, "kind": fault.kind, "times": fault.times, "skip": fault.skip}
    return web.json_response(answer, status=201)


async def list_faults(request: web.Request) -> web.Response:
    """Return the faults that still apply, oldest first."""
    return web.json_response({"faults": show_faults(request.app[STATE])})


async def clear_faults(request: web.Request) -> web.Response:
    """Remove every fault."""
    request.app[STATE].faults.clear()
    return web.json_response({})


async def move_clock(request: web.Request) -> web.Response:
    """
    Move, pause or resume the clock.

    `advance` moves a manual or paused clock by seconds; the answer comes when the deliveries and renders that it
    started have finished. `paused` stops a real clock, or lets it go on.
    """
    state = request.app[STATE]
    body = await read_json(request, {"paused": optional(check_flag)})
    if body.get("paused") is not None:
        _pause(state, is_paused=body["paused"])
        if "advance" not in body:
            return _answer_clock(state)
    seconds = body.get("advance")
    if not isinstance(seconds, (int, float)) or isinstance(seconds, bool) or not 0 <= seconds <= LONGEST_MOVE:
        raise bad_request(("advance", "must be a number of seconds of at least 0"))
    try:
        await state.advance(float(seconds))
    except ValueError as error:
        raise ApiError(400, str(error)) from None
    return _answer_clock(state)


def _pause(state: State, *, is_paused: bool) -> None:
    try:
        state.pause(is_paused=is_paused)
    except ValueError as error:
        raise ApiError(400, str(error)) from None


def _answer_clock(state: State) -> web.Response:
    clock = show_clock(state)
    return web.json_response({"clock": iso(clock["time"]), "is_paused": clock["is_paused"]})


CONTROL_ROUTES = (
    ("GET", "/_sandbox/state", show_state),
    ("GET", "/_sandbox/requests", show_requests),
    ("DELETE", "/_sandbox/requests", clear_requests),
    ("GET", "/_sandbox/ledger", show_ledger),
    ("GET", "/_sandbox/creates", show_creates),
    ("GET", "/_sandbox/faults", list_faults),
    ("POST", "/_sandbox/faults", add_fault),
    ("DELETE", "/_sandbox/faults", clear_faults),
    ("POST", "/_sandbox/clock", move_clock),
)
