"""HTTP replies to webhook requests. They belong to no web framework; the function for a framework converts them."""

from __future__ import annotations

import attrs

__all__ = ["BODY_INCOMPLETE", "BODY_TIMEOUT", "BODY_TOO_LARGE", "WRONG_METHOD", "Reply", "build_headers"]


@attrs.frozen
class Reply:
    """An HTTP status to send, a line of text that contains no secret, and the seconds for the header `Retry-After`."""

    status: int
    text: str = ""
    retry_after: int | None = None


WRONG_METHOD = Reply(405, "Webhooks must be sent with POST.")
BODY_TOO_LARGE = Reply(413, "The body is too large.")
BODY_INCOMPLETE = Reply(400, "The body did not arrive completely, or is not encoded as its headers say.")
BODY_TIMEOUT = Reply(408, "The body took too long to arrive.")


def build_headers(reply: Reply) -> dict[str, str]:
    """
    Return the headers of a reply.

    If the rest of the body was not read, the connection is closed: that rest would be parsed as the next request.
    """
    headers = {"Content-Type": "text/plain; charset=utf-8"}
    if reply.status == 405:
        headers["Allow"] = "POST"
    if reply.retry_after is not None:
        headers["Retry-After"] = str(reply.retry_after)
    if reply.status in {408, 413} or reply is BODY_INCOMPLETE:
        headers["Connection"] = "close"
    return headers
