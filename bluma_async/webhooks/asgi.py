"""Connect a receiver to an ASGI server (ASGI specification 3.0): uvicorn, Starlette, FastAPI and others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, AsyncIterator, Awaitable, Callable, Dict

from bluma_async.webhooks.reply import build_headers
from bluma_async.webhooks.request import SIGNATURE_HEADER, receive_request

if TYPE_CHECKING:
    from bluma_async.webhooks.receiver import WebhookReceiver

__all__ = ["asgi_app"]

Message = Dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
UNSUPPORTED_DATA = 1003  # the WebSocket close code for a kind of connection that is not accepted (RFC 6455, 7.4.1)


class _DisconnectedError(Exception):
    """The sender closed the connection before its body had arrived."""


def asgi_app(receiver: WebhookReceiver) -> Callable[[Any, Any, Any], Awaitable[None]]:
    """
    Return an ASGI app.

    Starlette and FastAPI mount it: `app.mount("/webhooks", asgi_app(receiver))`.
    """

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _run_lifespan(receiver, receive, send)
        elif scope["type"] == "http":
            await _handle_request(receiver, scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": UNSUPPORTED_DATA})

    return app


async def _handle_request(receiver: WebhookReceiver, scope: Message, receive: Receive, send: Send) -> None:
    signature = next((value for name, value in scope["headers"] if name.lower() == SIGNATURE_HEADER.encode()), None)
    query = scope.get("query_string", b"")
    try:
        reply = await receive_request(receiver, scope["method"], signature, _read_chunks(receive), query)
    except _DisconnectedError:
        return
    headers = [(name.lower().encode(), value.encode()) for name, value in build_headers(reply).items()]
    headers.append((b"content-length", str(len(reply.text.encode())).encode()))
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.text.encode()})


async def _read_chunks(receive: Receive) -> AsyncIterator[bytes]:
    has_more = True
    while has_more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _DisconnectedError
        yield message.get("body", b"")
        has_more = message.get("more_body", False)


async def _run_lifespan(receiver: WebhookReceiver, receive: Receive, send: Send) -> None:
    """Follow the start and the shutdown of the server; delay the shutdown until the running handlers have ended."""
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await receiver.aclose()
    await send({"type": "lifespan.shutdown.complete"})
