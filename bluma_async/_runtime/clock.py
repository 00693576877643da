"""A clock that is passed in, so that tests can use one that moves without waiting."""

from __future__ import annotations

import time
from typing import Protocol

__all__ = ["Clock", "SystemClock"]


class Clock(Protocol):
    """A monotonic clock, and its sleep."""

    def now(self) -> float:
        """Return the seconds since a fixed moment; never decreases."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Sleep for this number of seconds, in the running event loop."""
        ...


class SystemClock:
    """The clock of the machine."""

    def now(self) -> float:
        """Return the monotonic time, in seconds."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Sleep in the running event loop."""
        import asyncio  # noqa: PLC0415 - a fifth of the time to import the SDK; a running loop has loaded it

        await asyncio.sleep(seconds)
