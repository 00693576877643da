"""Connect a receiver to a WSGI server, by PEP 3333."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterable

from bluma_async.webhooks.reply import build_headers
from bluma_sync.webhooks.request import receive_request

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
        has_end = bool(environ.get("wsgi.input_terminated"))
        reply = receive_request(receiver, environ, environ["wsgi.input"], has_end=has_end)
        text = reply.text.encode()
        headers = {**build_headers(reply), "Content-Length": str(len(text))}
        headers.pop("Connection", None)  # PEP 3333 reserves hop-by-hop headers for the server
        start_response(f"{reply.status} {HTTPStatus(reply.status).phrase}", list(headers.items()))
        return [text]

    return app
