"""
Handlers of the control surface for a person at the page: bodies, deliveries, videos, webhooks and keys.

They need no key, as the rest of the control surface. A new key and a new webhook show their secret in the answer, once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict

from aiohttp import web

from bluma_async.sandbox.api_errors import ApiError, bad_request, not_found
from bluma_async.sandbox.catalog import find_template
from bluma_async.sandbox.checks import check_text, one_of, optional, read_json, required
from bluma_async.sandbox.handlers.webhooks import register
from bluma_async.sandbox.keys import PREFIXES
from bluma_async.sandbox.page_views import show_delivery, show_exchange, show_request, show_sent
from bluma_async.sandbox.state import STATE
from bluma_async.sandbox.videos import accepted_view

if TYPE_CHECKING:
    from bluma_async.sandbox.recorder import SentDelivery

__all__ = ["ACTION_ROUTES"]


async def show_one_request(request: web.Request) -> web.Response:
    """Return a request of the log with the headers and bodies of both sides, as far as they are kept."""
    state, wanted = request.app[STATE], request.match_info["id"]
    record = next((each for each in reversed(state.request_log.records) if each.id == wanted), None)
    if record is None:
        raise not_found("request", wanted)
    exchange = state.recorder.find_exchange(wanted)
    return web.json_response({**show_request(record), **(show_exchange(exchange) if exchange else {})})


async def list_deliveries(request: web.Request) -> web.Response:
    """Return the newest deliveries of events and callbacks, oldest first."""
    return web.json_response(
        {"deliveries": [show_sent(sent) for sent in request.app[STATE].recorder.list_deliveries()]}
    )


async def show_one_delivery(request: web.Request) -> web.Response:
    """Return a delivery with its headers, its body and the body of the answer."""
    return web.json_response(show_delivery(_find_delivery(request)))


async def send_again(request: web.Request) -> web.Response:
    """Send the event of a delivery once more; the answer does not wait for it."""
    try:
        _find_delivery(request).delivery.again()
    except ValueError as error:
        raise ApiError(400, str(error)) from None
    return web.json_response({}, status=202)


async def create_video(request: web.Request) -> web.Response:
    """Create a video without a request to the API."""
    fields = {
        "template_id": required(check_text),
        "prompt": required(check_text),
        "key": optional(one_of("test", "live")),
    }
    body = await read_json(request, fields)
    template = find_template(body["template_id"])
    if template is None:
        raise bad_request(("template_id", "is not the id of a template"))
    content = {"context": {"prompt": body["prompt"]}}
    row = request.app[STATE].videos.create(content, template, body.get("key") or "test", fails=False)
    return web.json_response(accepted_view(row), status=201)


async def create_webhook(request: web.Request) -> web.Response:
    """Register a URL for events."""
    return web.json_response(await register(request), status=201)


async def delete_webhook(request: web.Request) -> web.Response:
    """Delete a webhook."""
    webhooks = request.app[STATE].webhooks
    webhooks.drop(webhooks.need(request.match_info["id"])["id"])
    return web.json_response({})


async def create_key(request: web.Request) -> web.Response:
    """Create a key, and return its secret."""
    fields = {"name": required(check_text), "environment": required(one_of(*PREFIXES))}
    body, state = await read_json(request, fields), request.app[STATE]
    row, secret = state.keys.create(body["name"], body["environment"], state.settings.hourly_limit)
    return web.json_response(_show_secret(row["id"], secret), status=201)


async def rotate_key(request: web.Request) -> web.Response:
    """Replace the secret of a key, and return the new one; the old one works for 30 more days."""
    row, secret = request.app[STATE].keys.rotate(request.match_info["id"])
    return web.json_response(_show_secret(row["id"], secret))


async def revoke_key(request: web.Request) -> web.Response:
    """Revoke a key."""
    request.app[STATE].keys.revoke(request.match_info["id"])
    return web.json_response({})


def _show_secret(identifier: str, secret: str) -> Dict[str, Any]:
    return {"id": identifier, "secret": secret}


def _find_delivery(request: web.Request) -> SentDelivery:
    wanted = request.match_info["id"]
    sent = request.app[STATE].recorder.find_delivery(wanted)
    if sent is None:
        raise not_found("delivery", wanted)
    return sent


ACTION_ROUTES = (
    ("GET", "/_sandbox/requests/{id}", show_one_request),
    ("GET", "/_sandbox/deliveries", list_deliveries),
    ("GET", "/_sandbox/deliveries/{id}", show_one_delivery),
    ("POST", "/_sandbox/deliveries/{id}/resend", send_again),
    ("POST", "/_sandbox/videos", create_video),
    ("POST", "/_sandbox/webhooks", create_webhook),
    ("DELETE", "/_sandbox/webhooks/{id}", delete_webhook),
    ("POST", "/_sandbox/keys", create_key),
    ("POST", "/_sandbox/keys/{id}/rotate", rotate_key),
    ("DELETE", "/_sandbox/keys/{id}", revoke_key),
)
