"""Connect a receiver to an ASGI server (ASGI specification 3.0): uvicorn, Starlette, FastAPI and others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, AsyncIterator, Awaitable, Callable, Dict, overload

from bluma_async.webhooks.reply import build_headers
from bluma_async.webhooks.request import SIGNATURE_HEADER, DisconnectedError, receive_request

if TYPE_CHECKING:
    from bluma_async.webhooks.receiver import WebhookReceiver

__all__ = ["AsgiApp", "asgi_app"]

Message = Dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
UNSUPPORTED_DATA = 1003  # the WebSocket close code for a kind of connection that is not accepted (RFC 6455, 7.4.1)


class AsgiApp:
    """
    The ASGI app of a receiver. It answers every path, because the framework chooses the path.

    It is not a function, so Starlette and FastAPI take it as an endpoint of a route too.
    """

    def __init__(self, receiver: WebhookReceiver) -> None:
        """Connect a receiver."""
        self._receiver = receiver

    if TYPE_CHECKING:

        @overload
        async def __call__(self, scope: Any, receive: Any, send: Any, /) -> None: ...
        @overload  # `add_route` is declared for functions of a request, but it calls this like the overload above
        async def __call__(self, request: Any, /) -> Any: ...

    async def __call__(self, scope: Message, receive: Receive, send: Send, /) -> None:  # type: ignore[misc]  # see above
        """Answer a request, or follow the lifespan of the server."""
        if scope["type"] == "lifespan":
            await _run_lifespan(self._receiver, receive, send)
        elif scope["type"] == "http":
            await _handle_request(self._receiver, scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": UNSUPPORTED_DATA})


def asgi_app(receiver: WebhookReceiver) -> AsgiApp:
    """
    Return an ASGI app.

    Starlette and FastAPI take it as a mount, `app.mount("/webhooks", asgi_app(receiver))`, which answers every path
    below it, such as `/webhooks/bluma` and `/webhooks/bluma/`; or as an endpoint of one path,
    `app.add_route("/webhooks/bluma", asgi_app(receiver))`. The path of a mount itself is not enough: they redirect
    `/webhooks` to `/webhooks/`, and senders of webhooks follow no redirects.

    As the root app, it waits for running handlers at the end of the lifespan. Frameworks do not pass the lifespan on to
    a mount or a route: await `receiver.aclose()` in the lifespan of your own app.
    """
    return AsgiApp(receiver)


async def _handle_request(receiver: WebhookReceiver, scope: Message, receive: Receive, send: Send) -> None:
    signature = next((value for name, value in scope["headers"] if name.lower() == SIGNATURE_HEADER.encode()), None)
    query = scope.get("query_string", b"")
    try:
        reply = await receive_request(receiver, scope["method"], signature, _read_chunks(receive), query)
    except DisconnectedError:
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
            raise DisconnectedError
        yield message.get("body", b"")
        has_more = message.get("more_body", False)


async def _run_lifespan(receiver: WebhookReceiver, receive: Receive, send: Send) -> None:
    """
    Follow the start and the shutdown of the server.

    At the start, handle the events that a crash left; at the end, wait for the running handlers.
    """
    await receive()
    await receiver.recover()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await receiver.aclose()
    await send({"type": "lifespan.shutdown.complete"})
