"""
The sandbox's own time: real, faster than real, or moved by hand. Real time can be paused, and moved while it is.

A timestamp is in seconds since 1970, UTC, by the sandbox's clock.
"""

from __future__ import annotations

import asyncio
import heapq
import time
from datetime import datetime, timezone
from itertools import count
from typing import Callable, List, Optional, Protocol, Set, Tuple

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

    def advance(self, seconds: float) -> None:
        """Move the time; raise a ValueError if it passes by itself."""
        ...


class _RealTimer:
    """A callback of a RealClock; it is armed while the clock runs."""

    def __init__(self, clock: RealClock, timestamp: float, callback: Callable[[], None]) -> None:
        self._clock = clock
        self.timestamp = timestamp
        self._callback = callback
        self._handle: Optional[asyncio.TimerHandle] = None

    def arm(self, seconds: float) -> None:
        self._handle = asyncio.get_running_loop().call_later(seconds, self.fire)

    def disarm(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def cancel(self) -> None:
        self.disarm()
        self._clock.timers.discard(self)

    def fire(self) -> None:
        self.cancel()
        self._callback()


class RealClock:
    """Time that passes by itself, `speed` times as fast as real time, until it is paused."""

    def __init__(self, speed: float = 1.0, begin: float | None = None) -> None:
        self.speed: float = speed
        self.timers: Set[_RealTimer] = set()
        self._begin = max(time.time(), begin or 0.0)
        self._started = time.monotonic()
        self._paused_at: Optional[float] = None
        self._queue: List[Tuple[float, int, _RealTimer]] = []  # during a move: the timers by their times
        self._order = count()

    @property
    def is_paused(self) -> bool:
        """Whether the time stands still."""
        return self._paused_at is not None

    def time(self) -> float:
        """Return the current timestamp."""
        if self._paused_at is not None:
            return self._paused_at
        return self._begin + (time.monotonic() - self._started) * self.speed

    def call_at(self, timestamp: float, callback: Callable[[], None]) -> Timer:
        """Schedule a callback; it is called soon if the time has passed, and not before a pause ends."""
        timer = _RealTimer(self, timestamp, callback)
        self.timers.add(timer)
        if self.is_paused:
            heapq.heappush(self._queue, (timestamp, next(self._order), timer))  # it may be due in a move under way
        else:
            self._arm(timer)
        return timer

    def pause(self) -> None:
        """Stop the time; does nothing if it stands still already."""
        if self._paused_at is None:
            self._paused_at = self.time()
            for timer in self.timers:
                timer.disarm()

    def resume(self) -> None:
        """Let the time pass again; does nothing if it does."""
        if self._paused_at is not None:
            self._begin, self._started, self._paused_at = self._paused_at, time.monotonic(), None
            for timer in sorted(self.timers, key=lambda timer: timer.timestamp):
                self._arm(timer)

    def advance(self, seconds: float) -> None:
        """
        Move the time while it is paused, and call every callback that becomes due, with the clock at its time.

        Raises:
            ValueError: The clock is not paused.
        """
        if self._paused_at is None:
            raise ValueError(
                "Only a manual clock, or one that is paused, can be moved; start the sandbox with clock='manual'."
            )
        target = self._paused_at + seconds
        self._queue = [(timer.timestamp, next(self._order), timer) for timer in self.timers]
        heapq.heapify(self._queue)
        while self._queue and self._queue[0][0] <= target:
            timestamp, _, timer = heapq.heappop(self._queue)
            if timer in self.timers:  # an earlier callback may have cancelled it
                self._paused_at = max(self._paused_at, timestamp)
                timer.fire()
        self._queue, self._paused_at = [], target

    def _arm(self, timer: _RealTimer) -> None:
        timer.arm(max(timer.timestamp - self.time(), 0.0) / self.speed)


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
