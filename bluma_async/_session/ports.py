"""The transport as a protocol, so that tests, and users, can pass in their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from bluma_async._wire.messages import Answer, Download, Request

__all__ = ["Transport"]


class Transport(Protocol):
    """Sends requests and returns their answers."""

    async def send(self, request: Request, timeout: float, patience: float | None = None) -> Answer:
        """
        Send one request and return its answer.

        Args:
            request: The request.
            timeout: Seconds that the exchange may take, from connecting to the last byte.
            patience: Seconds to wait for a free connection and exchange, together; None for no limit.

        Raises:
            NetworkError: No answer came.
        """
        ...

    def stream(self, request: Request, timeout: float) -> AbstractAsyncContextManager[Download]:
        """
        Open an answer whose body is read piece by piece; `timeout` bounds the connecting, and the wait for each piece.

        Raises:
            NetworkError: No answer came, or the connection broke while it was read.
        """
        ...

    async def close(self) -> None:
        """Close every connection that this transport opened."""
        ...
