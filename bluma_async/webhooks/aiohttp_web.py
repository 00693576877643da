"""Connect a receiver to `aiohttp.web`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Awaitable, Callable

from bluma_async.webhooks.reply import BODY_INCOMPLETE, build_headers
from bluma_async.webhooks.request import SIGNATURE_HEADER, receive_request

if TYPE_CHECKING:
    from bluma_async.webhooks.receiver import WebhookReceiver

__all__ = ["aiohttp_handler"]


def aiohttp_handler(receiver: WebhookReceiver) -> Callable[[Any], Awaitable[Any]]:
    """
    Return a request handler for an application of aiohttp.

    Add it to a route: `app.router.add_post("/webhooks", aiohttp_handler(receiver))`.
    """
    from aiohttp import web  # noqa: PLC0415 - programs with another web server do not load it

    async def handle(request: web.Request) -> web.Response:
        signature = request.headers.get(SIGNATURE_HEADER)
        chunks = request.content.iter_any()
        reply = await receive_request(receiver, request.method, signature, chunks, request.rel_url.raw_query_string)
        response = web.Response(status=reply.status, body=reply.text.encode(), headers=build_headers(reply))
        if reply is BODY_INCOMPLETE:
            response.force_close()
            request.content.feed_eof()  # or aiohttp reads on after the reply, and logs the same error with a traceback
        return response

    return handle
