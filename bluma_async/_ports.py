"""Time and I/O, as things that are passed in: tests bring their own, and never wait."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from bluma_async._wire.messages import Answer, Download, Request

__all__ = ["Clock", "SystemClock", "Transport"]


class Clock(Protocol):
    """A monotonic clock, and a way to let time pass."""

    def now(self) -> float:
        """Return seconds since some fixed moment; never goes back."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after so many seconds."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> float:
        """Return the machine's monotonic time, in seconds."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Sleep in the running event loop."""
        import asyncio  # noqa: PLC0415 - a fifth of the SDK's import time, and loaded by whoever runs a loop

        await asyncio.sleep(seconds)


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
