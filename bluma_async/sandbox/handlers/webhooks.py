"""Handlers of `/webhooks`."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any, Dict, Mapping
from urllib.parse import urlsplit

from aiohttp import web

from bluma_async.sandbox.checks import check_texts, check_url, read_json, reject_where, required
from bluma_async.sandbox.clock import iso
from bluma_async.sandbox.events import EVENT_TYPES
from bluma_async.sandbox.routing import Route
from bluma_async.sandbox.state import STATE

if TYPE_CHECKING:
    from bluma_async.sandbox.checks import Field
    from bluma_async.sandbox.tables import Row

__all__ = ["ROUTES", "register"]

WARNING = "Save this secret now; it will not be shown again."
LOCAL = ("localhost", "127.0.0.1", "::1")
BODY: Mapping[str, Field] = {"url": required(check_url), "events": required(check_texts)}


async def create(request: web.Request) -> web.Response:
    """Register a URL for events, and return the webhook's secret, which is not shown again."""
    return web.json_response(await register(request), status=201)


async def register(request: web.Request) -> Dict[str, Any]:
    """Register the URL in a request's body, and return the webhook with its secret; raise a 400 for a wrong one."""
    state = request.app[STATE]
    body = await read_json(request, BODY)
    parts, problem = urlsplit(str(body["url"])), state.destinations.find_problem(body["url"])
    unknown = [event for event in body["events"] if event not in EVENT_TYPES]
    reject_where(
        [
            (parts.scheme != "https" and parts.hostname not in LOCAL, "url", "must be HTTPS"),
            (problem is not None, "url", str(problem)),
            (not body["events"], "events", "must name at least one event"),
            (bool(unknown), "events", f"has no {', '.join(unknown)}; there are {', '.join(EVENT_TYPES)}"),
        ]
    )
    row = state.webhooks.put(
        {
            "id": f"webhook_{secrets.token_hex(6)}",
            "url": body["url"],
            "events": body["events"],
            "secret": f"whsec_{secrets.token_hex(16)}",
            "is_active": True,
            "failures": 0,
            "created": state.clock.time(),
        }
    )
    return {**_view(row), "secret": row["secret"], "warning": WARNING}


async def get(request: web.Request) -> web.Response:
    """Return a webhook."""
    return web.json_response(_view(request.app[STATE].webhooks.need(request.match_info["id"])))


async def delete(request: web.Request) -> web.Response:
    """Delete a webhook; no more events are sent to it."""
    state = request.app[STATE]
    state.webhooks.drop(state.webhooks.need(request.match_info["id"])["id"])
    return web.json_response({})


async def list_deliveries(request: web.Request) -> web.Response:
    """Return every attempt of a webhook, newest first."""
    state = request.app[STATE]
    rows = [
        _attempt_view(row) for row in state.events.list_attempts(state.webhooks.need(request.match_info["id"])["id"])
    ]
    return web.json_response({"deliveries": rows, "total": len(rows)})


async def list_webhooks(request: web.Request) -> web.Response:
    """Return the webhooks."""
    rows = [_view(row) for row in request.app[STATE].webhooks]
    return web.json_response({"webhooks": rows, "total": len(rows)})


def _view(row: Row) -> Dict[str, Any]:
    return {**{name: row[name] for name in ("id", "url", "events", "is_active")}, "created_at": iso(row["created"])}


def _attempt_view(row: Row) -> Dict[str, Any]:
    hidden = {"webhook_id", "created"}
    return {**{name: value for name, value in row.items() if name not in hidden}, "created_at": iso(row["created"])}


MANAGE = "webhooks:manage"
ROUTES = (
    Route(
        method="POST", path="/webhooks", handler=create, summary="Register a URL for events", scope=MANAGE,
        success=201, body="WebhookRequest", answer="NewWebhook", errors=(400, 413),
    ),
    Route(
        method="GET", path="/webhooks", handler=list_webhooks, summary="List the webhooks", scope=MANAGE,
        answer="WebhookList",
    ),
    Route(
        method="GET", path="/webhooks/{id}", handler=get, summary="Show a webhook", scope=MANAGE, answer="Webhook",
        errors=(404,),
    ),
    Route(
        method="DELETE", path="/webhooks/{id}", handler=delete, summary="Delete a webhook", scope=MANAGE,
        errors=(404,),
    ),
    Route(
        method="GET", path="/webhooks/{id}/deliveries", handler=list_deliveries, summary="List the delivery attempts",
        scope=MANAGE, answer="DeliveryList", errors=(404,),
    ),
)  # fmt: skip
