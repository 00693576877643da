"""
Make the waits of the SDK instant: its sleeps advance the sandbox's clock, and take a few milliseconds each.

It reaches every client of the process, also those that the program makes itself, and those that exist already.

Rule 1: time is the machine's time plus the skipped time. The monotonic time never moves back, also not from one sandbox
to the next, because clients outlive tests. The wall clock is ahead only in the context: a client that talks to another
server afterwards would search for its lost creates in the future, and pay for them twice.
Rule 2: time is skipped when nothing else happens: no request, no render and no delivery is running, and every task
that was woken has continued. PATIENCE bounds the wait for that, because a handler of the program may be what sleeps.
Rule 3: the earliest sleep ends first, in whichever thread and event loop it is.
Rule 4: a program that waits by itself does not sleep in the SDK. When nobody does, the time moves to the next change of
a video that is read again and again, and to the next delivery of an event once nothing has happened for a while.
Rule 5: no sleep waits for a skip that never comes: one that begins after the end, or in a forked child, is real. The
end of the block in a child ends nothing, and waits for no lock: the skips are the parent's.
"""

from __future__ import annotations

import asyncio
import heapq
import os
import threading
import time
from collections import Counter
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from itertools import count
from typing import TYPE_CHECKING, List, Tuple
from weakref import WeakKeyDictionary

from bluma_async._runtime.clock import MACHINE_TIME, MachineTime

if TYPE_CHECKING:
    from concurrent.futures import Future
    from types import TracebackType

    from typing_extensions import Self

    from bluma_async.sandbox import Sandbox
    from bluma_async.sandbox.ledger import Ledger

__all__ = ["InstantTime"]

TICK = 0.001  # seconds between two looks at what happens
QUIET_TICKS = 2  # time is skipped after as many looks in a row at which nothing happened
PATIENCE = 0.25  # seconds
IDLE = 0.2  # seconds without a request, after which a program is taken to wait for an event
READS = 3  # of one unfinished video; this read of it, and each further one, sees its next change
MARGIN = 0.001  # seconds; sums of floats may end just before the moment


class _Skipped:
    """The time that all sandboxes of this process have skipped, in seconds."""

    seconds: float = 0.0


# What each sandbox's clock was moved by, of the skipped time. By the ledger: each start of a sandbox has a new one.
_APPLIED: WeakKeyDictionary[Ledger, float] = WeakKeyDictionary()


class _Sleeper:
    """A task that sleeps until a moment."""

    def __init__(self, due: float) -> None:
        self.due = due
        self.is_over = False
        self._loop = asyncio.get_running_loop()
        self._woken: asyncio.Future[None] = self._loop.create_future()

    async def wait(self) -> None:
        try:
            await self._woken
        finally:
            self.is_over = True

    def wake(self) -> None:
        """End the sleep. May be called from any thread."""
        try:
            self._loop.call_soon_threadsafe(self._ring)
        except RuntimeError:  # its loop is closed
            self.is_over = True

    def _ring(self) -> None:
        if not self._woken.done():
            self._woken.set_result(None)


class InstantTime:
    """
    A context in which the SDK's waits, retries and pauses are instant. The sandbox is the API that the program uses.

        with Sandbox(clock="manual", render=False) as sandbox, InstantTime(sandbox):
            ...

    Only sleeps of the SDK are instant, not those of the program. The `timeout` of an attempt is real, and so are the
    seconds of the faults `delay`, `trickle` and `silent`.

    Args:
        sandbox: A sandbox that was started, with a manual clock.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        if sandbox.settings.clock != "manual":
            raise ValueError("InstantTime moves the sandbox's clock: make the sandbox with clock='manual'.")
        self._sandbox = sandbox
        self._sleepers: List[Tuple[float, int, _Sleeper]] = []
        self._woken: List[_Sleeper] = []
        self._reads: Counter[str] = Counter()  # since the last sleep
        self._order = count()
        self._lock = threading.Lock()
        self._run: Tuple[int, int] | None = None  # the process in which the time is skipped, and how often it began
        self._pump: Future[None] | None = None
        self._added: asyncio.Event | None = None  # made in the sandbox's loop, as Python 3.8 needs it
        self._earlier: MachineTime | None = None

    def now(self) -> float:
        """Return the monotonic time, in seconds."""
        return time.monotonic() + _Skipped.seconds

    def utc(self) -> datetime:
        """Return the wall clock's time, aware, in UTC."""
        return datetime.now(timezone.utc) + timedelta(seconds=_Skipped.seconds)

    async def sleep(self, seconds: float) -> None:
        """Sleep until the time has been skipped; for real, if nobody skips it."""
        sleeper = _Sleeper(self.now() + seconds)
        if not self._add(sleeper):
            await asyncio.sleep(seconds)
            return
        if self._added is not None and self._sandbox.loop is not None:
            self._sandbox.loop.call_soon_threadsafe(self._added.set)
        await sleeper.wait()

    def _add(self, sleeper: _Sleeper) -> bool:
        """Add a sleep, and return whether somebody will wake it."""
        run = self._run
        if run is None or not _is_here(run):
            return False
        with self._lock:  # `_end` comes before, and is seen here, or comes after, and wakes it
            if self._run is not None:
                heapq.heappush(self._sleepers, (sleeper.due, next(self._order), sleeper))
            return self._run is not None

    def __enter__(self) -> Self:
        loop = self._sandbox.loop
        if loop is None:
            raise RuntimeError("The sandbox was not started; use `with Sandbox() as sandbox, InstantTime(sandbox)`.")
        self._catch_up()
        self._sandbox.outlook.on_read = self._note_read
        self._run = run = os.getpid(), next(self._order)
        self._pump = asyncio.run_coroutine_threadsafe(self._skip_sleeps(run), loop)
        self._earlier = MachineTime()
        _copy(MACHINE_TIME, self._earlier)
        MACHINE_TIME.now, MACHINE_TIME.utc, MACHINE_TIME.sleep = self.now, self.utc, self.sleep
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._earlier is not None:
            MACHINE_TIME.utc, MACHINE_TIME.sleep = self._earlier.utc, self._earlier.sleep  # the skipped time stays
            self._earlier = None
        self._sandbox.outlook.on_read = None
        run = self._run
        if self._pump is not None and run is not None and _is_here(run):
            self._pump.cancel()
            self._end(run)

    async def _skip_sleeps(self, run: Tuple[int, int]) -> None:
        self._added = asyncio.Event()
        try:
            while True:
                if self._find_due() is not None:
                    await self._wait_for_quiet()
                    self._skip()
                elif await self._is_idle(self._added):
                    self._move(self._sandbox.outlook.find_delivery())
        finally:
            self._end(run)

    def _end(self, run: Tuple[int, int]) -> None:
        """End every sleep early, if nobody skips the time any more: no later run has begun."""
        with self._lock:
            if self._run != run:
                return
            self._run, left, self._sleepers = None, self._sleepers, []
        for _, _, sleeper in left:
            sleeper.wake()

    async def _wait_for_quiet(self) -> None:
        ends, quiet, before = time.monotonic() + PATIENCE, 0, self._look()
        while quiet < QUIET_TICKS and time.monotonic() < ends:
            await asyncio.sleep(TICK)
            now = self._look()
            quiet = quiet + 1 if now == before and not now[0] else 0
            before = now

    async def _is_idle(self, added: asyncio.Event) -> bool:
        """Wait for the next sleep, for a limited time; return whether nothing has happened in it."""
        before = self._look()
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(added.wait(), IDLE)
        added.clear()
        return not before[0] and self._look() == before

    def _note_read(self, read: str, change: float) -> None:
        """Move the time to the next change of what is read, if it is read again while nobody sleeps."""
        if self._find_due() is not None or self._is_waking():
            return
        self._reads[read] += 1
        if self._reads[read] >= READS:
            self._move(change)

    def _is_waking(self) -> bool:
        return any(not sleeper.is_over for sleeper in self._woken)

    def _look(self) -> Tuple[bool, int, int]:
        """Return whether something is running, and how many requests and sleeps there have been."""
        is_running, requests = self._sandbox.activity
        return is_running or self._is_waking(), requests, len(self._sleepers)

    def _find_due(self) -> float | None:
        """Return the moment at which the earliest sleep ends; None if nobody sleeps."""
        with self._lock:
            while self._sleepers and self._sleepers[0][2].is_over:
                heapq.heappop(self._sleepers)
            return self._sleepers[0][0] if self._sleepers else None

    def _skip(self) -> None:
        """Skip the time until the earliest sleep ends, and wake those that end then."""
        due = self._find_due()
        if due is None:
            return
        self._reads.clear()
        _Skipped.seconds += max(due - self.now(), 0.0)
        self._catch_up()
        with self._lock:
            self._woken = []
            while self._sleepers and self._sleepers[0][0] <= max(due, self.now()):
                self._woken.append(heapq.heappop(self._sleepers)[2])
        for sleeper in self._woken:
            sleeper.wake()

    def _move(self, seconds: float | None) -> None:
        """Skip the seconds until a change, if there is one."""
        if seconds is not None:
            _Skipped.seconds += seconds + MARGIN
            self._catch_up()

    def _catch_up(self) -> None:
        """Move the sandbox's clock by the time that was skipped."""
        run = self._sandbox.ledger
        behind, _APPLIED[run] = _Skipped.seconds - _APPLIED.get(run, 0.0), _Skipped.seconds
        if behind > 0:
            self._sandbox.advance(behind)


def _is_here(run: Tuple[int, int]) -> bool:
    """Return whether a run is of this process. To be asked before the lock, which a child may inherit locked."""
    return run[0] == os.getpid()


def _copy(source: MachineTime, target: MachineTime) -> None:
    target.now, target.utc, target.sleep = source.now, source.utc, source.sleep
