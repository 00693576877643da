"""Handlers of `/credits`."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Dict, Mapping

from aiohttp import web

from bluma_async.sandbox.checks import read_query
from bluma_async.sandbox.clock import iso
from bluma_async.sandbox.routing import LARGEST, Route
from bluma_async.sandbox.state import STATE
from bluma_async.sandbox.visibility import cap_page, rewind_transactions

if TYPE_CHECKING:
    from bluma_async.sandbox.tables import Row

__all__ = ["ROUTES", "transaction_view"]

ALLOWANCES: Mapping[str, int] = {"free": 20, "starter": 200, "pro": 500, "enterprise": 6000}


async def get_balance(request: web.Request) -> web.Response:
    """Return the balance and the usage."""
    state = request.app[STATE]
    spent, videos = state.ledger.spent(), state.videos.count("live")
    answer = {
        "credits": state.ledger.balance,
        "tier": state.settings.tier,
        "monthly_allowance": ALLOWANCES[state.settings.tier],
        "overage_used": 0,
        "reset_date": iso(_start_of_next_month(state.clock.time())),
        "usage": {"total_spent": spent, "average_per_video": round(spent / videos, 2) if videos else 0},
    }
    return web.json_response(answer)


async def list_history(request: web.Request) -> web.Response:
    """Return a page of the ledger, newest first."""
    state = request.app[STATE]
    query = read_query(request, {"limit": (50, 1, 100), "offset": (0, 0, LARGEST)}, {})
    cruelty = state.cruelty.value
    rows = rewind_transactions(state.ledger.transactions, state.clock.time() - cruelty.list_lag)
    shown = rows[query["offset"] : query["offset"] + cap_page(query["limit"], cruelty)]
    return web.json_response({"transactions": [transaction_view(row) for row in shown], "total": len(rows)})


def transaction_view(row: Row) -> Dict[str, Any]:
    """Return a transaction as the API shows it."""
    view = {name: row[name] for name in ("id", "type", "amount", "balance_after", "description", "metadata")}
    return {**view, "created_at": iso(row["created"])}


def _start_of_next_month(timestamp: float) -> float:
    today = datetime.fromtimestamp(timestamp, timezone.utc)
    first = datetime(today.year + today.month // 12, today.month % 12 + 1, 1, tzinfo=timezone.utc)
    return first.timestamp()


ROUTES = (
    Route(
        method="GET", path="/credits/balance", handler=get_balance, summary="Show the balance", scope="credits:read",
        answer="CreditBalance",
    ),
    Route(
        method="GET", path="/credits/history", handler=list_history, summary="Show the ledger, newest first",
        scope="credits:read", answer="CreditHistory", errors=(400,),
        query={
            "limit": {"type": "integer", "minimum": 1, "maximum": 100, "default": 50},
            "offset": {"type": "integer", "minimum": 0, "maximum": LARGEST, "default": 0},
        },
    ),
)  # fmt: skip
