"""
Read the request of a webhook, with limits on the size of its body and on the time that the body takes to arrive.

Rule: a body that cannot be read is answered, whatever its server raises. Only the adapter of a server raises
DisconnectedError, where nobody can get a reply any more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, AsyncIterator
from urllib.parse import parse_qs

from bluma_async._runtime.log import logger
from bluma_async._runtime.tasks import within
from bluma_async.webhooks.reply import BODY_INCOMPLETE, BODY_TIMEOUT, BODY_TOO_LARGE, WRONG_METHOD

if TYPE_CHECKING:
    from bluma_async.webhooks.receiver import WebhookReceiver
    from bluma_async.webhooks.reply import Reply

__all__ = ["SIGNATURE_HEADER", "DisconnectedError", "find_token", "receive_request"]

SIGNATURE_HEADER = "x-bluma-signature"
PARAMETER = "create"  # of a callback URL: its value is the one-use token of a create


class DisconnectedError(Exception):
    """The sender closed the connection before its body had arrived."""


def find_token(query: str | bytes) -> str | None:
    """Return the token of a create in the query of a callback URL, or None."""
    text = query.decode("latin-1") if isinstance(query, bytes) else query
    return parse_qs(text).get(PARAMETER, [None])[0] if PARAMETER in text else None


async def receive_request(
    receiver: WebhookReceiver,
    method: str,
    signature: str | bytes | None,
    chunks: AsyncIterator[bytes],
    query: str | bytes = "",
) -> Reply:
    """
    Read a request, pass it to the receiver, and return the reply.

    Raises:
        DisconnectedError: The iterator of the chunks has raised it.
    """
    if method != "POST":
        return WRONG_METHOD
    try:
        body = await within(receiver.body_timeout, _read_body(chunks, receiver.max_body))
    except TimeoutError:
        return BODY_TIMEOUT
    except DisconnectedError:
        raise
    except Exception as problem:  # noqa: BLE001 - each server has errors of its own
        logger.debug("The body of a webhook request could not be read: %r", problem)
        return BODY_INCOMPLETE
    return BODY_TOO_LARGE if body is None else await receiver.receive(body, signature, find_token(query))


async def _read_body(chunks: AsyncIterator[bytes], max_size: int) -> bytes | None:
    """Return the whole body, or None if it is larger than `max_size` bytes."""
    body = bytearray()
    async for chunk in chunks:
        body += chunk
        if len(body) > max_size:
            return None
    return bytes(body)
