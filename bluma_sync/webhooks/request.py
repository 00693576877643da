"""
Read the request of a webhook in a blocking web application.

Rule: the server's thread waits for the body, then for the receiver, each for a limited time. The receiver runs in the
loop's thread, and async handlers run there too; plain handlers run in threads of the receiver's own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Mapping

from bluma_async.webhooks.reply import BODY_INCOMPLETE, BODY_TIMEOUT, BODY_TOO_LARGE, WRONG_METHOD, Reply
from bluma_async.webhooks.request import find_token
from bluma_sync._portal import run
from bluma_sync.webhooks.body import LateError, TooManyLateError, read_in_time

if TYPE_CHECKING:
    from bluma_async.webhooks.receiver import WebhookReceiver
    from bluma_sync.webhooks.body import Readable

__all__ = ["receive_request"]

LONGEST_NUMBER = 18  # digits; Python refuses to parse thousands of them
INVALID_LENGTH = Reply(400, "The Content-Length is not a number.")
LENGTH_REQUIRED = Reply(411, "The body must have a Content-Length.")
TOO_MANY_LATE = Reply(503, "Too many bodies are late. Send it again.", retry_after=30)


class _RefusedError(Exception):
    """The request is answered without passing it to the receiver."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.text)
        self.reply = reply


def receive_request(receiver: WebhookReceiver, environ: Mapping[str, Any], body: Readable, *, has_end: bool) -> Reply:
    """
    Read a request, pass it to the receiver, and return the reply.

    Args:
        receiver: The receiver.
        environ: The WSGI environment; Django's `request.META` is the same mapping.
        body: The stream to read the body from.
        has_end: Whether the stream ends with the body. Otherwise a read beyond it could block forever.
    """
    try:
        content = _read_body(receiver, environ, body, has_end=has_end)
    except _RefusedError as refusal:
        return refusal.reply
    except LateError:
        return BODY_TIMEOUT
    except TooManyLateError:
        return TOO_MANY_LATE
    except OSError:
        return BODY_INCOMPLETE
    token = find_token(environ.get("QUERY_STRING", ""))
    return run(receiver.receive(content, environ.get("HTTP_X_BLUMA_SIGNATURE"), token))


def _read_body(receiver: WebhookReceiver, environ: Mapping[str, Any], body: Readable, *, has_end: bool) -> bytes:
    if environ["REQUEST_METHOD"] != "POST":
        raise _RefusedError(WRONG_METHOD)
    length = _parse_length(str(environ.get("CONTENT_LENGTH") or ""))
    if length is None:
        length = receiver.max_body + 1 if has_end else 0
    elif length > receiver.max_body:
        raise _RefusedError(BODY_TOO_LARGE)
    content = read_in_time(body, length, receiver.body_timeout, environ)
    if not content and "chunked" in environ.get("HTTP_TRANSFER_ENCODING", "").lower():
        raise _RefusedError(LENGTH_REQUIRED)  # this server does not decode chunked bodies
    if len(content) > receiver.max_body:
        raise _RefusedError(BODY_TOO_LARGE)
    return content


def _parse_length(text: str) -> int | None:
    """Return the Content-Length of a request, or None if it has none."""
    if not text:
        return None
    if not (text.isascii() and text.isdecimal()):  # such as "\u00b2", which is a digit for Python, but no number
        raise _RefusedError(INVALID_LENGTH)
    if len(text) > LONGEST_NUMBER:
        raise _RefusedError(BODY_TOO_LARGE)
    return int(text)
