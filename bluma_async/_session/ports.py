"""How requests travel, as something that is passed in: tests bring their own transport."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from bluma_async._wire.messages import Answer, Download, Request

__all__ = ["Transport"]


class Transport(Protocol):
    """How requests travel."""

    async def send(self, request: Request, timeout: float, patience: float | None = None) -> Answer:
        """
        Exchange one request for its answer.

        Args:
            request: What to send.
            timeout: Seconds the exchange may take, from connecting to the last byte.
            patience: Seconds to wait for a free connection and exchange, together; None for as long as it takes.

        Raises:
            NetworkError: No answer came.
        """
        ...

    def stream(self, request: Request, timeout: float) -> AbstractAsyncContextManager[Download]:
        """
        Open an answer for reading piece by piece; `timeout` bounds the connecting, and the wait for each piece.

        Raises:
            NetworkError: No answer came, or it broke off.
        """
        ...

    async def close(self) -> None:
        """Let go of everything that is ours."""
        ...
