"""
Handlers of `/usage`: statistics over the log of requests.

For the last three, the documents show the answers but not the paths; the paths here are the sandbox's choice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Tuple

from aiohttp import web

from bluma_async.sandbox.api_errors import bad_request
from bluma_async.sandbox.checks import check_date_time, check_text, one_of, parse_timestamp, read_query
from bluma_async.sandbox.clock import iso
from bluma_async.sandbox.request_log import RequestRecord, group_by, is_success, mean_latency
from bluma_async.sandbox.routing import DATE_QUERY, Route
from bluma_async.sandbox.state import STATE

if TYPE_CHECKING:
    from bluma_async.sandbox.state import State

__all__ = ["ROUTES"]

DAY = 86400.0
STEPS = {"hour": 3600.0, "day": DAY}
LIMIT: Mapping[str, object] = {"type": "integer", "minimum": 1, "maximum": 100}
DATES = {"startDate": DATE_QUERY, "endDate": DATE_QUERY}


async def get_metrics(request: web.Request) -> web.Response:
    """Return the totals of a period."""
    records, (begin, end) = _select_records(request)
    successes = sum(map(is_success, records))
    state = request.app[STATE]
    return web.json_response(
        {
            "total_requests": len(records),
            "successful_requests": successes,
            "failed_requests": len(records) - successes,
            "average_latency": mean_latency(records),
            "credits_consumed": _sum_spent(state, begin, end),
            "period": {"start": iso(begin), "end": iso(end)},
        }
    )


async def get_timeseries(request: web.Request) -> web.Response:
    """Return the figures for each hour or day of a period."""
    query = read_query(request, {}, {"granularity": one_of(*STEPS)})
    step = STEPS[query.get("granularity", "hour")]
    records, _ = _select_records(request)
    points = [
        {
            "timestamp": iso(begin * step),
            "requests": len(group),
            "latency": mean_latency(group),
            "success_rate": round(sum(map(is_success, group)) / len(group), 4),
        }
        for begin, group in group_by(records, lambda record: int(record.at // step)).items()
    ]
    return web.json_response({"timeseries": points})


async def list_endpoints(request: web.Request) -> web.Response:
    """Return the most used endpoints."""
    limit = read_query(request, {"limit": (10, 1, 100)}, {})["limit"]
    records, _ = _select_records(request)
    rows = [
        {
            "endpoint": route.partition(" ")[2],
            "method": route.partition(" ")[0],
            "requests": len(group),
            "average_latency": mean_latency(group),
            "error_rate": round(1 - sum(map(is_success, group)) / len(group), 4),
        }
        for route, group in group_by(records, lambda record: record.route).items()
    ]
    rows.sort(key=lambda row: -int(str(row["requests"])))
    return web.json_response({"endpoints": rows[:limit]})


async def list_recent(request: web.Request) -> web.Response:
    """Return the newest requests."""
    limit = read_query(request, {"limit": (50, 1, 100)}, {})["limit"]
    newest = request.app[STATE].request_log.records[-limit:][::-1]
    return web.json_response({"requests": [_record_view(record) for record in newest]})


async def list_keys(request: web.Request) -> web.Response:
    """Return the requests and credits of each key."""
    state = request.app[STATE]
    groups = group_by(state.request_log.records, lambda record: record.key_id)
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


async def list_errors(request: web.Request) -> web.Response:
    """Return the number of answers with each error status."""
    failed = [record for record in request.app[STATE].request_log.records if not is_success(record) and record.status]
    rows = [
        {"status_code": status, "count": len(group), "percentage": round(100 * len(group) / len(failed), 2)}
        for status, group in group_by(failed, lambda record: record.status).items()
    ]
    return web.json_response({"errors": rows})


def _select_records(request: web.Request) -> Tuple[List[RequestRecord], Tuple[float, float]]:
    """Return the requests of a period, and its bounds: two dates, or a length such as `7d` that ends now."""
    state = request.app[STATE]
    query = read_query(request, {}, {"startDate": check_date_time, "endDate": check_date_time, "period": check_text})
    end = parse_timestamp(query.get("endDate")) or state.clock.time() + 1
    begin = parse_timestamp(query.get("startDate"))
    if begin is None:
        begin = end - _parse_period(query.get("period", "30d"))
    return state.request_log.between(begin, end), (begin, end)


def _parse_period(period: str) -> float:
    unit = {"d": DAY, "h": 3600.0}.get(period[-1:])
    if unit is None or not period[:-1].isdigit() or not period.isascii() or len(period) > 5:
        raise bad_request(("period", "must be a number of days or hours such as 7d or 12h"))
    return int(period[:-1]) * unit


def _sum_spent(state: State, begin: float, end: float) -> int:
    rows = [row for row in state.ledger.transactions if begin <= row["created"] < end]
    return -sum(int(row["amount"]) for row in rows if row["type"] in {"deduction", "refund"})


def _record_view(record: RequestRecord) -> Dict[str, Any]:
    return {
        "id": record.id,
        "method": record.method,
        "endpoint": record.route.partition(" ")[2],
        "status_code": record.status,
        "latency": round(record.latency),
        "timestamp": iso(record.at),
    }


ROUTES = (
    Route(
        method="GET", path="/usage/metrics", handler=get_metrics, summary="Show totals", scope="usage:read",
        answer="UsageMetrics", errors=(400,),
        query={**DATES, "period": {"type": "string", "pattern": "^[0-9]{1,4}[dh]$"}},
    ),
    Route(
        method="GET", path="/usage/timeseries", handler=get_timeseries, summary="Show figures over time",
        scope="usage:read", answer="TimeSeries", errors=(400,),
        query={**DATES, "granularity": {"type": "string", "enum": list(STEPS), "default": "hour"}},
    ),
    Route(
        method="GET", path="/usage/endpoints", handler=list_endpoints, summary="Show the most used endpoints",
        scope="usage:read", answer="EndpointList", errors=(400,), query={**DATES, "limit": {**LIMIT, "default": 10}},
    ),
    Route(
        method="GET", path="/usage/requests", handler=list_recent, summary="Show the newest requests",
        scope="usage:read", answer="RecentRequestList", errors=(400,), query={"limit": {**LIMIT, "default": 50}},
    ),
    Route(
        method="GET", path="/usage/by-key", handler=list_keys, summary="Show each key's use", scope="usage:read",
        answer="KeyUsageList",
    ),
    Route(
        method="GET", path="/usage/errors", handler=list_errors, summary="Show the errors", scope="usage:read",
        answer="ErrorList",
    ),
)  # fmt: skip
