"""Connect a receiver to a WSGI server, by PEP 3333."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterable

from bluma_async.webhooks.reply import build_headers
from bluma_sync.webhooks.request import parse_length, receive_request

if TYPE_CHECKING:
    from bluma_async.webhooks.receiver import WebhookReceiver

__all__ = ["wsgi_app"]


def wsgi_app(receiver: WebhookReceiver) -> Callable[[Any, Any], Iterable[bytes]]:
    """
    Return a WSGI app.

    A Flask view can return it, and Flask then sends its response:
    `app.add_url_rule("/webhooks", "bluma", lambda: wsgi_app(receiver), methods=["POST"])`.
    """

    def app(environ: Dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        length = parse_length(environ)
        if length is None and not environ.get("wsgi.input_terminated"):
            length = 0  # the server does not mark the end of the input, so a read could block forever
        reply = receive_request(receiver, environ, environ["wsgi.input"], length)
        text = reply.text.encode()
        headers = {**build_headers(reply), "Content-Length": str(len(text))}
        headers.pop("Connection", None)  # PEP 3333 reserves hop-by-hop headers for the server
        start_response(f"{reply.status} {HTTPStatus(reply.status).phrase}", list(headers.items()))
        return [text]

    return app
