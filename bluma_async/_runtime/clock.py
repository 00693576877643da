"""A clock that is passed in, so that tests can use one that moves without waiting."""

from __future__ import annotations

import time
from datetime import datetime, timezone
from typing import Any, Protocol

__all__ = ["Clock", "SystemClock", "local_time"]


class Clock(Protocol):
    """A monotonic clock, and its sleep."""

    def now(self) -> float:
        """Return the seconds since a fixed moment; never decreases."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Sleep for this number of seconds, in the running event loop."""
        ...


def local_time(clock: Clock) -> datetime | None:
    """Return the wall clock's time, aware, in UTC; None for a clock that has none (it has no method `utc`)."""
    utc: Any = getattr(clock, "utc", None)
    return None if utc is None else utc()


class SystemClock:
    """The clock of the machine."""

    def utc(self) -> datetime:
        """Return the machine's wall clock, aware, in UTC."""
        return datetime.now(timezone.utc)

    def now(self) -> float:
        """Return the monotonic time, in seconds."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Sleep in the running event loop."""
        import asyncio  # noqa: PLC0415 - a fifth of the time to import the SDK; a running loop has loaded it

        await asyncio.sleep(seconds)
