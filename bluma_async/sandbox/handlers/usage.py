"""
`/usage`, drawn from the journal of requests.

The last three paths are documented nowhere; only their answers are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Tuple

from aiohttp import web

from bluma_async.sandbox.checks import as_moment, moment, one_of, read_query, text
from bluma_async.sandbox.clock import iso
from bluma_async.sandbox.journal import RequestRecord, grouped, is_success, mean_latency
from bluma_async.sandbox.problems import bad_request
from bluma_async.sandbox.routing import DATE_QUERY, Route
from bluma_async.sandbox.state import STATE

if TYPE_CHECKING:
    from bluma_async.sandbox.state import State

__all__ = ["ROUTES"]

DAY = 86400.0
STEPS = {"hour": 3600.0, "day": DAY}
LIMIT: Mapping[str, object] = {"type": "integer", "minimum": 1, "maximum": 100}
DATES = {"startDate": DATE_QUERY, "endDate": DATE_QUERY}


async def metrics(request: web.Request) -> web.Response:
    """Show totals."""
    records, (begin, end) = _chosen(request)
    good = sum(map(is_success, records))
    state = request.app[STATE]
    return web.json_response(
        {
            "total_requests": len(records),
            "successful_requests": good,
            "failed_requests": len(records) - good,
            "average_latency": mean_latency(records),
            "credits_consumed": _spent(state, begin, end),
            "period": {"start": iso(begin), "end": iso(end)},
        }
    )


async def timeseries(request: web.Request) -> web.Response:
    """Show figures over time."""
    query = read_query(request, {}, {"granularity": one_of(*STEPS)})
    step = STEPS[query.get("granularity", "hour")]
    records, _ = _chosen(request)
    points = [
        {
            "timestamp": iso(begin * step),
            "requests": len(group),
            "latency": mean_latency(group),
            "success_rate": round(sum(map(is_success, group)) / len(group), 4),
        }
        for begin, group in grouped(records, lambda record: int(record.at // step)).items()
    ]
    return web.json_response({"timeseries": points})


async def endpoints(request: web.Request) -> web.Response:
    """Show the endpoints that are used most."""
    limit = read_query(request, {"limit": (10, 1, 100)}, {})["limit"]
    records, _ = _chosen(request)
    rows = [
        {
            "endpoint": route.partition(" ")[2],
            "method": route.partition(" ")[0],
            "requests": len(group),
            "average_latency": mean_latency(group),
            "error_rate": round(1 - sum(map(is_success, group)) / len(group), 4),
        }
        for route, group in grouped(records, lambda record: record.route).items()
    ]
    rows.sort(key=lambda row: -int(str(row["requests"])))
    return web.json_response({"endpoints": rows[:limit]})


async def recent(request: web.Request) -> web.Response:
    """Show the newest requests."""
    limit = read_query(request, {"limit": (50, 1, 100)}, {})["limit"]
    newest = request.app[STATE].journal.records[-limit:][::-1]
    return web.json_response({"requests": [_record_view(record) for record in newest]})


async def by_key(request: web.Request) -> web.Response:
    """Show how much each key was used."""
    state = request.app[STATE]
    groups = grouped(state.journal.records, lambda record: record.key_id)
    rows = [
        {
            "api_key_id": key["id"],
            "api_key_name": key["name"],
            "requests": len(groups.get(key["id"], [])),
            "credits_consumed": state.ledger.spent() if key["environment"] == "production" else 0,
        }
        for key in state.keys.all()
        if key["id"] in groups
    ]
    return web.json_response({"keys": rows})


async def errors(request: web.Request) -> web.Response:
    """Show how often each error was answered."""
    bad = [record for record in request.app[STATE].journal.records if not is_success(record) and record.status]
    rows = [
        {"status_code": status, "count": len(group), "percentage": round(100 * len(group) / len(bad), 2)}
        for status, group in grouped(bad, lambda record: record.status).items()
    ]
    return web.json_response({"errors": rows})


def _chosen(request: web.Request) -> Tuple[List[RequestRecord], Tuple[float, float]]:
    """Return the requests of the stretch of time that is asked for: from, to, or so many days or hours until now."""
    state = request.app[STATE]
    query = read_query(request, {}, {"startDate": moment, "endDate": moment, "period": text})
    end = as_moment(query.get("endDate")) or state.clock.time() + 1
    begin = as_moment(query.get("startDate"))
    if begin is None:
        begin = end - _seconds(query.get("period", "30d"))
    return state.journal.between(begin, end), (begin, end)


def _seconds(period: str) -> float:
    unit = {"d": DAY, "h": 3600.0}.get(period[-1:])
    if unit is None or not period[:-1].isdigit() or not period.isascii() or len(period) > 5:
        raise bad_request(("period", "must be a number of days or hours such as 7d or 12h"))
    return int(period[:-1]) * unit


def _spent(state: State, begin: float, end: float) -> int:
    rows = [row for row in state.ledger.transactions if begin <= row["created"] < end]
    return -sum(int(row["amount"]) for row in rows if row["type"] in {"deduction", "refund"})


def _record_view(record: RequestRecord) -> Dict[str, Any]:
    return {
        "id": record.id,
        "method": record.method,
        "endpoint": record.route.partition(" ")[2],
        "status_code": record.status,
        "latency": record.latency,
        "timestamp": iso(record.at),
    }


ROUTES = (
    Route(
        method="GET", path="/usage/metrics", handler=metrics, summary="Show totals", scope="usage:read",
        answer="UsageMetrics", refusals=(400,),
        query={**DATES, "period": {"type": "string", "pattern": "^[0-9]{1,4}[dh]$"}},
    ),
    Route(
        method="GET", path="/usage/timeseries", handler=timeseries, summary="Show figures over time",
        scope="usage:read", answer="TimeSeries", refusals=(400,),
        query={**DATES, "granularity": {"type": "string", "enum": list(STEPS), "default": "hour"}},
    ),
    Route(
        method="GET", path="/usage/endpoints", handler=endpoints, summary="Show the most used endpoints",
        scope="usage:read", answer="EndpointList", refusals=(400,), query={**DATES, "limit": {**LIMIT, "default": 10}},
    ),
    Route(
        method="GET", path="/usage/requests", handler=recent, summary="Show the newest requests", scope="usage:read",
        answer="RecentRequestList", refusals=(400,), query={"limit": {**LIMIT, "default": 50}},
    ),
    Route(
        method="GET", path="/usage/by-key", handler=by_key, summary="Show each key's use", scope="usage:read",
        answer="KeyUsageList",
    ),
    Route(
        method="GET", path="/usage/errors", handler=errors, summary="Show the errors", scope="usage:read",
        answer="ErrorList",
    ),
)  # fmt: skip
