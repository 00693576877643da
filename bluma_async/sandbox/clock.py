"""
The sandbox's own time: real, faster than real, or moved by hand.

A timestamp is in seconds since 1970, UTC, by the sandbox's clock.
"""

from __future__ import annotations

import asyncio
import heapq
import time
from datetime import datetime, timezone
from itertools import count
from typing import Callable, List, Optional, Protocol, Tuple

__all__ = ["Clock", "ManualClock", "RealClock", "Timer", "http_date", "iso"]


class Timer(Protocol):
    """A callback that is scheduled."""

    def cancel(self) -> None:
        """Cancel the callback; does nothing if it was called already."""
        ...


class Clock(Protocol):
    """The current time, and callbacks at given times."""

    def time(self) -> float:
        """Return the current timestamp."""
        ...

    def call_at(self, timestamp: float, callback: Callable[[], None]) -> Timer:
        """Schedule a callback; it is called soon if the time has passed."""
        ...


class RealClock:
    """Time that passes by itself, `speed` times as fast as real time."""

    def __init__(self, speed: float = 1.0, begin: float | None = None) -> None:
        self._speed = speed
        self._begin = max(time.time(), begin or 0.0)
        self._started = time.monotonic()

    def time(self) -> float:
        """Return the current timestamp."""
        return self._begin + (time.monotonic() - self._started) * self._speed

    def call_at(self, timestamp: float, callback: Callable[[], None]) -> Timer:
        """Schedule a callback; it is called soon if the time has passed."""
        left = max(timestamp - self.time(), 0.0) / self._speed
        return asyncio.get_running_loop().call_later(left, callback)


class _Entry:
    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback: Optional[Callable[[], None]] = callback

    def cancel(self) -> None:
        self.callback = None


class ManualClock:
    """Time that stands still until `advance` moves it."""

    def __init__(self, begin: float | None = None) -> None:
        self._now = max(float(int(time.time())), begin or 0.0)
        self._entries: List[Tuple[float, int, _Entry]] = []
        self._order = count()

    def time(self) -> float:
        """Return the current timestamp."""
        return self._now

    def call_at(self, timestamp: float, callback: Callable[[], None]) -> Timer:
        """Schedule a callback for the move that reaches the time; for the next move, if the time has passed."""
        entry = _Entry(callback)
        heapq.heappush(self._entries, (timestamp, next(self._order), entry))
        return entry

    def advance(self, seconds: float) -> None:
        """Move the clock, and call every callback that becomes due, in order, with the clock at its time."""
        target = self._now + seconds
        while self._entries and self._entries[0][0] <= target:
            timestamp, _, entry = heapq.heappop(self._entries)
            self._now = max(self._now, timestamp)
            if entry.callback is not None:
                entry.callback()
        self._now = target


def iso(timestamp: float) -> str:
    """Return a timestamp in the API's ISO 8601 form: whole seconds, UTC."""
    return datetime.fromtimestamp(int(timestamp), timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def http_date(timestamp: float) -> str:
    """Return a timestamp in the form of the Date header."""
    return datetime.fromtimestamp(int(timestamp), timezone.utc).strftime("%a, %d %b %Y %H:%M:%S GMT")
