"""A clock that is passed in, so that tests can use one that moves without waiting."""

from __future__ import annotations

import time
from datetime import datetime, timezone
from functools import partial
from typing import Any, Awaitable, Callable, Protocol

__all__ = ["MACHINE_TIME", "Clock", "MachineTime", "SystemClock", "local_time"]


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


class MachineTime:
    """
    The functions that read the machine's time, and that sleep.

    The testing kit replaces the functions of MACHINE_TIME, so that it reaches the clients that exist already.
    """

    def __init__(self) -> None:
        self.utc: Callable[[], datetime] = partial(datetime.now, timezone.utc)
        self.now: Callable[[], float] = time.monotonic
        self.sleep: Callable[[float], Awaitable[None]] = _sleep


async def _sleep(seconds: float) -> None:
    import asyncio  # noqa: PLC0415 - a fifth of the time to import the SDK; a running loop has loaded it

    await asyncio.sleep(seconds)


MACHINE_TIME = MachineTime()


class SystemClock:
    """The clock of the machine."""

    def utc(self) -> datetime:
        """Return the machine's wall clock, aware, in UTC."""
        return MACHINE_TIME.utc()

    def now(self) -> float:
        """Return the monotonic time, in seconds."""
        return MACHINE_TIME.now()

    async def sleep(self, seconds: float) -> None:
        """Sleep in the running event loop."""
        await MACHINE_TIME.sleep(seconds)
