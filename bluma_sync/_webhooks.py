"""
A receiver of webhooks in web applications that block: WSGI, and Django.

Rule: the request is read in the server's own thread; everything else happens in the loop's thread, where handlers that
are async run too. Plain ones run in threads of their own.
"""

from __future__ import annotations

import time
from http import HTTPStatus
from importlib import import_module
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterable, Mapping, Protocol

from bluma_async.webhooks.receiver import Reply
from bluma_async.webhooks.serving import LATE, TOO_LARGE, WRONG_METHOD, headers_of
from bluma_sync._portal import run

if TYPE_CHECKING:
    from bluma_async.webhooks.receiver import WebhookReceiver

__all__ = ["django_view", "wsgi_app"]

PIECE = 2**16
LENGTH_REQUIRED = Reply(411, "The body must come with its length.")
HUNG_UP = Reply(400, "The body did not arrive.")


class Readable(Protocol):
    """A body, to be read."""

    def read(self, size: int, /) -> bytes:
        """Return so many bytes at most; none at the end."""
        ...


class _RefusedError(Exception):
    """The request is answered as it is, without being taken in."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.text)
        self.reply = reply


def wsgi_app(receiver: WebhookReceiver) -> Callable[[Any, Any], Iterable[bytes]]:
    """Return a WSGI app."""

    def app(environ: Dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        length = _length(environ)
        if length is None and not environ.get("wsgi.input_terminated"):
            length = 0  # reading on might never end
        reply = _reply(receiver, environ, environ["wsgi.input"], length)
        text = reply.text.encode()
        headers = {**headers_of(reply), "Content-Length": str(len(text))}
        headers.pop("Connection", None)  # the server's own business, by PEP 3333
        start_response(f"{reply.status} {HTTPStatus(reply.status).phrase}", list(headers.items()))
        return [text]

    return app


def django_view(receiver: WebhookReceiver) -> Callable[[Any], Any]:
    """Return a Django view."""

    def view(request: Any) -> Any:
        django: Any = import_module("django.http")  # only Django's users have it
        reply = _reply(receiver, request.META, request, _length(request.META))
        response = django.HttpResponse(
            reply.text.encode(), status=reply.status, content_type="text/plain; charset=utf-8"
        )
        if reply.status == 405:
            response["Allow"] = "POST"
        return response

    view.csrf_exempt = True  # type: ignore[attr-defined]  # how Django is told
    return view


def _reply(receiver: WebhookReceiver, environ: Mapping[str, Any], body: Readable, length: int | None) -> Reply:
    try:
        read = _body(receiver, environ, body, length)
    except _RefusedError as refusal:
        return refusal.reply
    except OSError:
        return HUNG_UP
    return run(receiver.receive(read, environ.get("HTTP_X_BLUMA_SIGNATURE")))


def _body(receiver: WebhookReceiver, environ: Mapping[str, Any], body: Readable, length: int | None) -> bytes:
    if environ["REQUEST_METHOD"] != "POST":
        raise _RefusedError(WRONG_METHOD)
    if length is not None and length > receiver.max_body:
        raise _RefusedError(TOO_LARGE)
    read = _read(body, receiver.max_body + 1 if length is None else length, receiver.body_timeout)
    if not read and "chunked" in environ.get("HTTP_TRANSFER_ENCODING", "").lower():
        raise _RefusedError(LENGTH_REQUIRED)  # this server does not hand it on
    if len(read) > receiver.max_body:
        raise _RefusedError(TOO_LARGE)
    return read


def _read(body: Readable, size: int, seconds: float) -> bytes:
    """Return so many bytes, or as many as there are."""
    ends, read = time.monotonic() + seconds, bytearray()
    while len(read) < size and (piece := body.read(min(PIECE, size - len(read)))):
        read += piece
        if time.monotonic() > ends:
            raise _RefusedError(LATE)
    return bytes(read)


def _length(environ: Mapping[str, Any]) -> int | None:
    told = str(environ.get("CONTENT_LENGTH") or "")
    return int(told) if told.isdigit() else None
