"""A receiver as an ASGI app, by the ASGI specification 3.0."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, AsyncIterator, Awaitable, Callable, Dict

from bluma_async.webhooks.serving import SIGNATURE, headers_of, take_in

if TYPE_CHECKING:
    from bluma_async.webhooks.receiver import WebhookReceiver

__all__ = ["asgi_app"]

Message = Dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class _HungUpError(Exception):
    """The sender is not there any more."""


def asgi_app(receiver: WebhookReceiver) -> Callable[[Any, Any, Any], Awaitable[None]]:
    """Return an ASGI app."""

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _live(receiver, receive, send)
        elif scope["type"] == "http":
            await _answer(receiver, scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1003})

    return app


async def _answer(receiver: WebhookReceiver, scope: Message, receive: Receive, send: Send) -> None:
    signature = next((value for name, value in scope["headers"] if name.lower() == SIGNATURE.encode()), None)
    try:
        reply = await take_in(receiver, scope["method"], signature, _pieces(receive))
    except _HungUpError:
        return
    headers = [(name.lower().encode(), value.encode()) for name, value in headers_of(reply).items()]
    headers.append((b"content-length", str(len(reply.text.encode())).encode()))
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.text.encode()})


async def _pieces(receive: Receive) -> AsyncIterator[bytes]:
    is_more = True
    while is_more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _HungUpError
        yield message.get("body", b"")
        is_more = message.get("more_body", False)


async def _live(receiver: WebhookReceiver, receive: Receive, send: Send) -> None:
    """Start and stop with the server; before it stops, handlers end."""
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await receiver.aclose()
    await send({"type": "lifespan.shutdown.complete"})
