"""Time as something that is passed in: tests bring their own clock, and never wait."""

from __future__ import annotations

import time
from typing import Protocol

__all__ = ["Clock", "SystemClock"]


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
