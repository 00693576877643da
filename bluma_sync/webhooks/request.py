"""
Read the request of a webhook in a blocking web application.

Rule: the body is read in the server's thread. The receiver runs in the loop's thread, and async handlers run there too;
plain handlers run in worker threads.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Mapping, Protocol

from bluma_async.webhooks.reply import BODY_TIMEOUT, BODY_TOO_LARGE, WRONG_METHOD, Reply
from bluma_async.webhooks.request import find_token
from bluma_sync._portal import run

if TYPE_CHECKING:
    from bluma_async.webhooks.receiver import WebhookReceiver

__all__ = ["parse_length", "receive_request"]

CHUNK_SIZE = 2**16
LENGTH_REQUIRED = Reply(411, "The body must have a Content-Length.")
BODY_INCOMPLETE = Reply(400, "The body did not arrive completely.")


class Readable(Protocol):
    """A stream with the body of a request."""

    def read(self, size: int, /) -> bytes:
        """Return at most `size` bytes; none at the end."""
        ...


class _RefusedError(Exception):
    """The request is answered without passing it to the receiver."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.text)
        self.reply = reply


def parse_length(environ: Mapping[str, Any]) -> int | None:
    """Return the Content-Length of a request, or None if it has no valid one."""
    text = str(environ.get("CONTENT_LENGTH") or "")
    return int(text) if text.isdecimal() else None


def receive_request(receiver: WebhookReceiver, environ: Mapping[str, Any], body: Readable, length: int | None) -> Reply:
    """
    Read a request, pass it to the receiver, and return the reply.

    Args:
        receiver: The receiver.
        environ: The WSGI environment; Django's `request.META` is the same mapping.
        body: The stream to read the body from.
        length: The bytes to read; None reads until the stream ends.
    """
    try:
        content = _read_body(receiver, environ, body, length)
    except _RefusedError as refusal:
        return refusal.reply
    except OSError:
        return BODY_INCOMPLETE
    token = find_token(environ.get("QUERY_STRING", ""))
    return run(receiver.receive(content, environ.get("HTTP_X_BLUMA_SIGNATURE"), token))


def _read_body(receiver: WebhookReceiver, environ: Mapping[str, Any], body: Readable, length: int | None) -> bytes:
    if environ["REQUEST_METHOD"] != "POST":
        raise _RefusedError(WRONG_METHOD)
    if length is not None and length > receiver.max_body:
        raise _RefusedError(BODY_TOO_LARGE)
    content = _read(body, receiver.max_body + 1 if length is None else length, receiver.body_timeout)
    if not content and "chunked" in environ.get("HTTP_TRANSFER_ENCODING", "").lower():
        raise _RefusedError(LENGTH_REQUIRED)  # this server does not decode chunked bodies
    if len(content) > receiver.max_body:
        raise _RefusedError(BODY_TOO_LARGE)
    return content


def _read(body: Readable, size: int, timeout: float) -> bytes:
    """Return `size` bytes, or fewer if the stream ends before. The timeout is checked between two reads."""
    deadline, content = time.monotonic() + timeout, bytearray()
    while len(content) < size and (chunk := body.read(min(CHUNK_SIZE, size - len(content)))):
        content += chunk
        if time.monotonic() > deadline:
            raise _RefusedError(BODY_TIMEOUT)
    return bytes(content)
