"""
`/_sandbox`: how tests in any language look into the sandbox and make things go wrong.

There is no key. It answers on loopback addresses alone, unless the sandbox is told otherwise.
"""

from __future__ import annotations

from typing import Any, Dict

from aiohttp import web

from bluma_async.sandbox.checks import read_json, text
from bluma_async.sandbox.clock import iso
from bluma_async.sandbox.handlers.credits import transaction_view
from bluma_async.sandbox.problems import Problem, bad_request
from bluma_async.sandbox.state import STATE

__all__ = ["CONTROL_ROUTES"]

LONGEST_MOVE = 10 * 365 * 86400.0


async def show_state(request: web.Request) -> web.Response:
    """Show the figures that tests ask for."""
    return web.json_response(request.app[STATE].summary())


async def show_requests(request: web.Request) -> web.Response:
    """Show every API request, newest last."""
    records = [
        {
            "method": record.method,
            "path": record.path,
            "query": record.query,
            "status": record.status,
            "key": record.key,
            "idempotency_key": record.idempotency_key,
            "at": iso(record.at),
        }
        for record in request.app[STATE].journal.records
    ]
    return web.json_response({"requests": records})


async def clear_requests(request: web.Request) -> web.Response:
    """Forget the requests."""
    request.app[STATE].journal.clear()
    return web.json_response({})


async def show_ledger(request: web.Request) -> web.Response:
    """Show every movement of credits, newest first."""
    rows = [transaction_view(row) for row in request.app[STATE].ledger.transactions]
    return web.json_response({"transactions": rows})


async def add_fault(request: web.Request) -> web.Response:
    """Have something go wrong."""
    body = await read_json(request, {"route": (text, True), "kind": (text, True)})
    try:
        fault = request.app[STATE].faults.add(**body)
    except (ValueError, TypeError) as wrong:
        raise bad_request(("fault", str(wrong))) from None
    answer: Dict[str, Any] = {"route": fault.route, "kind": fault.kind, "times": fault.times, "skip": fault.skip}
    return web.json_response(answer, status=201)


async def clear_faults(request: web.Request) -> web.Response:
    """Have nothing go wrong any more."""
    request.app[STATE].faults.clear()
    return web.json_response({})


async def move_clock(request: web.Request) -> web.Response:
    """Move a manual clock, and answer once everything that was due is done."""
    state = request.app[STATE]
    body = await read_json(request, {})
    seconds = body.get("advance")
    if not isinstance(seconds, (int, float)) or isinstance(seconds, bool) or not 0 <= seconds <= LONGEST_MOVE:
        raise bad_request(("advance", "must be a number of seconds of at least 0"))
    try:
        await state.advance(float(seconds))
    except ValueError as wrong:
        raise Problem(400, str(wrong)) from None
    return web.json_response({"clock": iso(state.clock.time())})


CONTROL_ROUTES = (
    ("GET", "/_sandbox/state", show_state),
    ("GET", "/_sandbox/requests", show_requests),
    ("DELETE", "/_sandbox/requests", clear_requests),
    ("GET", "/_sandbox/ledger", show_ledger),
    ("POST", "/_sandbox/faults", add_fault),
    ("DELETE", "/_sandbox/faults", clear_faults),
    ("POST", "/_sandbox/clock", move_clock),
)
