"""
Look at everything that is waited for, in one event loop and one account.

Rule 1: each job is looked at once, however many wait for it; in the name of one of them, whose hooks hear of it.
Rule 2: a handful of jobs is read one by one. More are read by the pages of what is still active: what is not among them
is finished, and read once in full. Whoever watches a job's progress has it read by itself.
Rule 3: a look that fails in passing (no answer, 429, 5xx) is a look that saw nothing; a refusal ends the job's waits.
Rule 4: the budget decides how soon the next look comes; each waiter's deadline holds all the same.
"""

from __future__ import annotations

import asyncio
import contextvars
import copy
import math
from typing import TYPE_CHECKING, Any, Callable, Coroutine, Dict, Generic, List, Mapping, Sequence, TypeVar

from bluma_async.errors import APIError, NetworkError, RateLimitError, ServerError
from bluma_async.waiting.source import Entry

if TYPE_CHECKING:
    from bluma_async._runtime.clock import Clock
    from bluma_async.waiting.source import Source, Waiter

__all__ = ["Poller"]

S = TypeVar("S")
HANDFUL = 4  # jobs up to which each is read by itself
AT_ONCE = 16  # single reads at a time
ROUND_GAP = 1.0  # seconds at least between two rounds over the pages
LAST_LOOK = 1.0  # seconds that a look at the deadline may take
TOGETHER = 0.02  # seconds; what is due within them is looked at together
BEATS = 8  # to an interval
PASSING = (NetworkError, RateLimitError, ServerError)


class _WaiterLeft(Exception):  # noqa: N818 - it is no error
    """The one in whose name something was done waits no more."""


class Poller(Generic[S]):
    """One task that looks, as long as somebody waits."""

    def __init__(self, source: Source[S], clock: Clock, on_empty: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._source = source
        self._clock = clock
        self._on_empty = on_empty
        self._entries: Dict[str, Entry] = {}
        self._task: asyncio.Task[None] | None = None
        self._nap: asyncio.Future[None] | None = None
        self._next_round = 0.0
        self._lists_again = 0.0

    def join(self, job_id: str, waiter: Waiter) -> None:
        """Look at a job for one more; at once, as far as the pace allows."""
        entry = self._entries.get(job_id)
        if entry is None:
            entry = self._entries[job_id] = Entry(job_id, self._clock.now())
        entry.waiters += (waiter,)
        entry.due = self._clock.now()
        if self._task is None:
            self._task = contextvars.Context().run(self._loop.create_task, self._run())
        elif self._nap is not None:
            self._nap.cancel()

    def leave(self, job_id: str, waiter: Waiter) -> None:
        """Look no more for this one."""
        entry = self._entries.get(job_id)
        if entry is not None and waiter in entry.waiters:
            entry.waiters = tuple(other for other in entry.waiters if other is not waiter)
            if not entry.waiters:
                del self._entries[job_id]
        if waiter.work is not None:
            waiter.work.cancel()
        if not self._entries and self._nap is not None:
            self._nap.cancel()

    def learn(self, job_id: str, news: Any) -> None:
        """Take in what somebody else has seen of a job; a final state ends the waits for it."""
        entry = self._entries.get(job_id)
        if entry is None:
            return
        state = self._source.learned(entry.last, news)
        if state is not None:
            self._note(entry, state)
            return
        entry.due, entry.is_unlisted = self._clock.now(), True
        if self._nap is not None:
            self._nap.cancel()

    def end(self, error: BaseException) -> None:
        """End all waits with an error."""
        for entry in list(self._entries.values()):
            self._fail(entry, error)
        if self._nap is not None:
            self._nap.cancel()

    async def _run(self) -> None:
        try:
            while self._entries:
                now = self._clock.now()
                due = [entry for entry in self._entries.values() if entry.due <= now + TOGETHER]
                if due:
                    await self._look(due)
                self._expire()
                if self._entries:
                    await self._sleep(min(entry.due for entry in self._entries.values()) - self._clock.now())
        except Exception as error:  # noqa: BLE001 - nobody awaits this task: those who wait must hear of it
            self.end(error)
        finally:
            self._task = None
            self._on_empty()

    async def _sleep(self, seconds: float) -> None:
        """Sleep until something is due, or somebody joins."""
        if seconds <= 0:
            return
        self._nap = self._loop.create_task(self._clock.sleep(seconds))
        try:
            await asyncio.wait([self._nap])
        finally:
            self._nap.cancel()
            self._nap = None

    async def _look(self, due: Sequence[Entry]) -> None:
        now, pace = self._clock.now(), self._source.pace()
        if pace.is_spent:
            self._postpone(due, now + pace.spacing())
            return
        if len(self._entries) <= HANDFUL or now < self._lists_again:
            await self._read(due)
            return
        alone = [entry for entry in due if entry.is_unlisted or entry.ends <= now + TOGETHER]
        if len(alone) < len(due) and now >= self._next_round:
            alone = [*alone, *await self._round()]
        else:
            for entry in due:
                entry.due_after(self._next_round)
        await self._read(list(dict.fromkeys(alone)))

    async def _round(self) -> List[Entry]:
        """Read the pages of what is active; return what must be read by itself."""
        began, entries = self._clock.now(), list(self._entries.values())
        speaker = next((entry.speaker for entry in entries if entry.speaker), None)
        if speaker is None:
            self._postpone(entries, began)
            return []
        left = max(min(entry.ends for entry in entries) - began, LAST_LOOK)
        try:
            listed = await self._in_the_name_of(speaker, self._source.list_active(len(entries), left))
        except _WaiterLeft:
            return []  # in another one's name, then: it is all still due
        except PASSING as failure:
            self._postpone(entries, began + _asked(failure))
            return []
        except APIError:
            listed = None
        if listed is None:  # not for this key, or there are more pages than jobs that are waited for
            self._lists_again = began + 60.0
            return [entry for entry in entries if entry.due <= began + TOGETHER]
        active, cost = listed
        pause = self._source.pace().pause(cost, kept=len(self._entries))  # each will be read once more, in full
        self._next_round = began + max(ROUND_GAP, pause)
        self._postpone(entries, self._next_round)
        return self._sort_out(entries, active)

    def _sort_out(self, entries: Sequence[Entry], active: Dict[str, S]) -> List[Entry]:
        alone: List[Entry] = []
        for entry in entries:
            entry.is_unlisted = entry.job_id not in active
            if not entry.is_unlisted and entry.last is None:
                entry.last = active[entry.job_id]
            if entry.is_unlisted or any(waiter.hears_progress for waiter in entry.waiters):
                alone.append(entry)
        return alone

    def _postpone(self, entries: Sequence[Entry], moment: float) -> None:
        now, has_bulk = self._clock.now(), self._source.at_once > 1
        for entry in entries:
            if entry.waiters:
                soonest = max(now + entry.interval, moment)
                entry.due_after(_on_the_beat(soonest, entry.interval) if has_bulk else soonest)

    async def _read(self, entries: Sequence[Entry]) -> None:
        """Read jobs, as many as the pace allows; the others have their turns later."""
        pace, now, size = self._source.pace(), self._clock.now(), self._source.at_once
        entries = [entry for entry in entries if entry.waiters]
        looks = [entries[start : start + size] for start in range(0, len(entries), size)]
        allowed = pace.allowance(len(looks))
        for place, look in enumerate(looks[allowed:], 1):
            for entry in look:
                entry.due_after(now + pace.pause(place))
        for start in range(0, allowed, AT_ONCE):
            await asyncio.gather(*(self._look_at(look) for look in looks[start : min(start + AT_ONCE, allowed)]))

    async def _look_at(self, entries: Sequence[Entry]) -> None:
        now = self._clock.now()
        speaker = next((entry.speaker for entry in entries if entry.speaker), None)
        if speaker is None:
            self._postpone(entries, now)
            return
        left = max(min(entry.ends for entry in entries) - now, LAST_LOOK)
        look = self._source.look([entry.job_id for entry in entries], left)
        try:
            found = await self._in_the_name_of(speaker, look)
        except _WaiterLeft:
            for entry in entries:
                entry.due = self._clock.now()  # as above
        except PASSING as failure:
            self._postpone(entries, self._clock.now() + _asked(failure))
        except APIError as refusal:
            self._take_in(entries, dict.fromkeys((entry.job_id for entry in entries), refusal))
        else:
            self._postpone(entries, self._clock.now() + self._source.pace().spacing())
            self._take_in(entries, found)

    def _take_in(self, entries: Sequence[Entry], found: Mapping[str, S | APIError | None]) -> None:
        for entry in entries:
            outcome = found.get(entry.job_id)
            if isinstance(outcome, APIError):
                self._fail(entry, outcome)
            elif outcome is not None:
                self._note(entry, outcome)

    async def _in_the_name_of(self, waiter: Waiter, work: Coroutine[Any, Any, Any]) -> Any:
        """Do something in a waiter's context, and no longer than it waits."""
        waiter.work = task = waiter.context.copy().run(self._loop.create_task, work)
        try:
            await asyncio.wait([task])
        finally:
            waiter.work = None
            task.cancel()
        if task.cancelled():
            raise _WaiterLeft
        return task.result()

    def _note(self, entry: Entry, state: S) -> None:
        entry.last = state
        is_final = self._source.is_final(state)
        for waiter in entry.waiters:
            if is_final or waiter.hears_progress:
                waiter.tell(state)
        if is_final:
            self._entries.pop(entry.job_id, None)

    def _fail(self, entry: Entry, error: BaseException) -> None:
        for waiter in entry.waiters:
            waiter.tell(error=copy.copy(error))
        self._entries.pop(entry.job_id, None)

    def _expire(self) -> None:
        now = self._clock.now()
        for entry in [entry for entry in self._entries.values() if entry.ends <= now]:
            for waiter in [waiter for waiter in entry.waiters if waiter.ends <= now]:
                waiter.tell(error=self._source.timed_out(entry.job_id, entry.last, waiter.timeout))
            entry.waiters = tuple(waiter for waiter in entry.waiters if waiter.ends > now)
            if not entry.waiters:
                self._entries.pop(entry.job_id, None)


def _asked(failure: Exception) -> float:
    return (failure.retry_after or 0.0) if isinstance(failure, APIError) else 0.0


def _on_the_beat(moment: float, interval: float) -> float:
    """Return the moment, a little later: what is read in one look falls due together again."""
    beat = interval / BEATS
    return math.ceil(moment / beat) * beat
