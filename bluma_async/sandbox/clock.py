"""
The sandbox's own time: real, faster than real, or moved by hand.

Moments are seconds since 1970, UTC, as the sandbox counts them.
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
    """Something that will happen, unless it is cancelled."""

    def cancel(self) -> None:
        """Keep it from happening."""
        ...


class Clock(Protocol):
    """What the time is, and what happens when."""

    def time(self) -> float:
        """Return the present moment."""
        ...

    def call_at(self, moment: float, callback: Callable[[], None]) -> Timer:
        """Have the callback called at a moment; soon, if that has passed."""
        ...


class RealClock:
    """Time that passes by itself, `speed` times as fast as real time."""

    def __init__(self, speed: float = 1.0, begin: float | None = None) -> None:
        self._speed = speed
        self._begin = max(time.time(), begin or 0.0)
        self._started = time.monotonic()

    def time(self) -> float:
        """Return the present moment."""
        return self._begin + (time.monotonic() - self._started) * self._speed

    def call_at(self, moment: float, callback: Callable[[], None]) -> Timer:
        """Have the callback called at a moment; soon, if that has passed."""
        left = max(moment - self.time(), 0.0) / self._speed
        return asyncio.get_running_loop().call_later(left, callback)


class _Entry:
    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback: Optional[Callable[[], None]] = callback

    def cancel(self) -> None:
        self.callback = None


class ManualClock:
    """Time that stands still until it is moved."""

    def __init__(self, begin: float | None = None) -> None:
        self._now = max(float(int(time.time())), begin or 0.0)
        self._entries: List[Tuple[float, int, _Entry]] = []
        self._order = count()

    def time(self) -> float:
        """Return the present moment."""
        return self._now

    def call_at(self, moment: float, callback: Callable[[], None]) -> Timer:
        """Have the callback called when the clock is moved to, or over, a moment; with the next move, if it passed."""
        entry = _Entry(callback)
        heapq.heappush(self._entries, (moment, next(self._order), entry))
        return entry

    def advance(self, seconds: float) -> None:
        """Move on, and let everything happen that was due on the way, each at its own moment."""
        target = self._now + seconds
        while self._entries and self._entries[0][0] <= target:
            moment, _, entry = heapq.heappop(self._entries)
            self._now = max(self._now, moment)
            if entry.callback is not None:
                entry.callback()
        self._now = target


def iso(moment: float) -> str:
    """Return a moment as the API writes it: whole seconds, UTC."""
    return datetime.fromtimestamp(int(moment), timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def http_date(moment: float) -> str:
    """Return a moment as the Date header has it."""
    return datetime.fromtimestamp(int(moment), timezone.utc).strftime("%a, %d %b %Y %H:%M:%S GMT")
