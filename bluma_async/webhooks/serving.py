"""Requests as they arrive: how large, how slow, by which method; and the handler for aiohttp."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, AsyncIterator, Awaitable, Callable

from bluma_async.webhooks.receiver import Reply

if TYPE_CHECKING:
    from bluma_async.webhooks.receiver import WebhookReceiver

__all__ = ["LATE", "SIGNATURE", "TOO_LARGE", "WRONG_METHOD", "aiohttp_handler", "headers_of", "take_in"]

SIGNATURE = "x-bluma-signature"
WRONG_METHOD = Reply(405, "Webhooks come by POST.")
TOO_LARGE = Reply(413, "The body is too large.")
LATE = Reply(408, "The body took too long to arrive.")


async def take_in(
    receiver: WebhookReceiver, method: str, signature: str | bytes | None, pieces: AsyncIterator[bytes]
) -> Reply:
    """Read a request, and return what to answer."""
    if method != "POST":
        return WRONG_METHOD
    try:
        body = await asyncio.wait_for(_read(pieces, receiver.max_body), receiver.body_timeout)
    except asyncio.TimeoutError:
        return LATE
    return TOO_LARGE if body is None else await receiver.receive(body, signature)


def headers_of(reply: Reply) -> dict[str, str]:
    """Return the headers that go with an answer; a connection whose request was not read to its end is closed."""
    headers = {"Content-Type": "text/plain; charset=utf-8"}
    if reply.status == 405:
        headers["Allow"] = "POST"
    if reply.status in {408, 413}:
        headers["Connection"] = "close"
    return headers


def aiohttp_handler(receiver: WebhookReceiver) -> Callable[[Any], Awaitable[Any]]:
    """Return a handler for `aiohttp.web`."""
    from aiohttp import web  # noqa: PLC0415 - who serves with something else does not load it

    async def handle(request: web.Request) -> web.Response:
        reply = await take_in(receiver, request.method, request.headers.get(SIGNATURE), request.content.iter_any())
        return web.Response(status=reply.status, body=reply.text.encode(), headers=headers_of(reply))

    return handle


async def _read(pieces: AsyncIterator[bytes], most: int) -> bytes | None:
    """Return a whole body; None if it is larger than it may be."""
    body = bytearray()
    async for piece in pieces:
        body += piece
        if len(body) > most:
            return None
    return bytes(body)
