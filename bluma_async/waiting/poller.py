"""
Poll everything that is waited for in one event loop and one account.

Rule 1: `plan` decides, this module acts: it sends the planned requests, notes their outcomes, and sleeps.
Rule 2: a job is polled once, however many waits there are for it. The request is sent in the context of one waiter, so
that its hooks run where they should; if that waiter leaves, the request is cancelled and sent again for another one.
Rule 3: a poll that fails with a transient error (no answer, 429, 5xx) changes nothing. A refusal ends the job's waits.
"""

from __future__ import annotations

import asyncio
import contextvars
import copy
import math
from typing import TYPE_CHECKING, Any, Coroutine, Dict, Generic, Mapping, Sequence, TypeVar

import attrs

from bluma_async.errors import APIError, NetworkError, RateLimitError, ServerError
from bluma_async.waiting.entries import Entry
from bluma_async.waiting.plan import Limits, next_list, next_turn, plan, plan_reads

if TYPE_CHECKING:
    from typing import Callable

    from bluma_async._runtime.clock import Clock
    from bluma_async.waiting.entries import Waiter
    from bluma_async.waiting.plan import Plan, Turn
    from bluma_async.waiting.source import Source

__all__ = ["Poller"]

S = TypeVar("S")
READS_AT_ONCE = 16  # requests in flight
LAST_POLL = 1.0  # seconds that a poll at the deadline may take, so that a wait with `timeout=0` still polls once
RELIST = 60.0  # seconds before a list that was refused, or had too many pages, is tried again
TRANSIENT = (NetworkError, RateLimitError, ServerError)


class _WaiterLeft(Exception):  # noqa: N818 - it is a signal between two functions, and no error
    """The waiter for which a request was sent does not wait any more."""


class Poller(Generic[S]):
    """One task that polls as long as there is a waiter."""

    def __init__(self, source: Source[S], clock: Clock, on_empty: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._source = source
        self._clock = clock
        self._on_empty = on_empty
        self._entries: Dict[str, Entry] = {}
        self._task: asyncio.Task[None] | None = None
        self._nap: asyncio.Future[None] | None = None
        self._limits = Limits(source.jobs_per_poll)

    def join(self, job_id: str, waiter: Waiter) -> None:
        """Add a waiter. Its job is polled at once, as far as the pace allows."""
        entry = self._entries.get(job_id)
        if entry is None:
            entry = self._entries[job_id] = Entry(job_id, self._clock.now())
        entry.waiters += (waiter,)
        if entry.due < math.inf:  # else a poll is in flight, which this waiter takes part in
            entry.due, entry.last_turn = self._clock.now(), -math.inf  # one more poll, even if `timeout` is 0
        if self._task is None:
            # In an empty context: the task outlives the call that starts it, and must not keep its context variables.
            self._task = contextvars.Context().run(self._loop.create_task, self._run())
        else:
            self._wake()

    def leave(self, job_id: str, waiter: Waiter) -> None:
        """Remove a waiter, and cancel the request that is in flight for it."""
        entry = self._entries.get(job_id)
        if entry is not None:
            self._remove_waiter(entry, waiter)
        if waiter.request is not None:
            waiter.request.cancel()
        if not self._entries:
            self._wake()

    def learn(self, job_id: str, event: Any) -> None:
        """Take in an event about a job: a final state ends its waits, an event without a known state polls it now."""
        entry = self._entries.get(job_id)
        if entry is None:
            return
        state = self._source.merge_event(entry.last, event)
        if state is not None:
            self._note(entry, state)
            return
        # Also while a poll is in flight: its answer may be older than the event.
        entry.due, entry.is_unlisted = self._clock.now(), True
        self._wake()

    def end(self, error: BaseException) -> None:
        """End all waits with an error."""
        for entry in list(self._entries.values()):
            self._fail(entry, error)
        self._wake()

    async def _run(self) -> None:
        try:
            while self._entries:
                step = plan(self._clock.now(), list(self._entries.values()), self._source.pace(), self._limits)
                await self._act(step)
        except Exception as error:  # noqa: BLE001 - nothing awaits this task: its waiters must get the error
            self.end(error)
        finally:
            self._task = None
            self._on_empty()

    async def _act(self, step: Plan) -> None:
        for entry, waiter in step.expired:
            waiter.notify(error=self._source.timeout_error(entry.job_id, entry.last, waiter.timeout))
            self._remove_waiter(entry, waiter)
        self._postpone(step.postponed)
        reads = step.reads if step.list_for is None else await self._list(step.list_for, step.alone)
        for start in range(0, len(reads), READS_AT_ONCE):
            await asyncio.gather(*(self._read(group) for group in reads[start : start + READS_AT_ONCE]))
        if step.wake_at is not None:
            await self._sleep(step.wake_at - self._clock.now())

    async def _sleep(self, seconds: float) -> None:
        """Sleep until something is due, or `_wake` is called."""
        self._nap = self._loop.create_task(self._clock.sleep(max(seconds, 0.0)))
        try:
            await asyncio.wait([self._nap])
        finally:
            self._nap.cancel()
            self._nap = None

    def _wake(self) -> None:
        if self._nap is not None:
            self._nap.cancel()

    async def _list(self, waiter: Waiter, alone: Sequence[Entry]) -> Sequence[Sequence[Entry]]:
        """List the active jobs, and return the requests that are needed besides."""
        began, entries = self._clock.now(), list(self._entries.values())
        more: Sequence[Entry] = ()
        for entry in entries:
            entry.is_unlisted = False  # the list decides that again; an event that comes meanwhile sets it
        try:
            listed = await self._send_for(waiter, self._source.list_active(len(entries), _time_left(entries, began)))
        except _WaiterLeft:
            pass  # the other jobs are still due: the next plan lists them for another waiter
        except TRANSIENT as failure:
            self._end_turn([entry for entry in entries if not entry.is_unlisted], began + _retry_after(failure))
        except APIError:  # this key may not list; the next plan reads one by one
            self._limits = attrs.evolve(self._limits, lists_again=began + RELIST)
        else:
            more = self._note_list(entries, began, listed)
        chosen = [entry for entry in dict.fromkeys([*alone, *more]) if entry.waiters]
        step = plan_reads(self._clock.now(), chosen, self._source.pace(), self._limits)
        self._postpone(step.postponed)
        return step.reads

    def _note_list(
        self, entries: Sequence[Entry], began: float, listed: tuple[Dict[str, S], int] | None
    ) -> Sequence[Entry]:
        """Note which jobs are active, and return those that are read by themselves all the same."""
        if listed is None:  # there is no list, or reading the jobs one by one takes fewer requests
            self._limits = attrs.evolve(self._limits, lists_again=began + RELIST)
            return ()
        active, requests = listed
        again = next_list(began, self._source.pace(), requests, len(self._entries))
        self._limits = attrs.evolve(self._limits, next_list=again)
        self._end_turn(entries, again)
        for entry in entries:
            entry.is_unlisted = entry.is_unlisted or entry.job_id not in active
            if entry.last is None:
                entry.last = active.get(entry.job_id)
        return [entry for entry in entries if entry.needs_own_read]

    async def _read(self, group: Sequence[Entry]) -> None:
        """Read jobs with one request, and note their states."""
        entries = [entry for entry in group if entry.waiters]
        waiter = next((entry.free_waiter for entry in entries if entry.free_waiter), None)
        if waiter is None:  # since the plan was made, the waiters have left, or their callbacks have begun
            return self._make_due(entries)
        request = self._source.poll([entry.job_id for entry in entries], _time_left(entries, self._clock.now()))
        for entry in entries:
            entry.due = math.inf
        try:
            found = await self._send_for(waiter, request)
        except _WaiterLeft:
            self._make_due(entries)
        except TRANSIENT as failure:
            self._end_poll(entries, self._clock.now() + _retry_after(failure))
        except APIError as refusal:
            self._note_all(entries, dict.fromkeys((entry.job_id for entry in entries), refusal))
        else:
            self._end_poll(entries, self._clock.now() + self._source.pace().spacing())
            self._note_all(entries, found)

    async def _send_for(self, waiter: Waiter, work: Coroutine[Any, Any, Any]) -> Any:
        """Run requests in a waiter's context, and no longer than it waits."""
        waiter.request = task = waiter.context.copy().run(self._loop.create_task, work)
        try:
            await asyncio.wait([task])
        finally:
            waiter.request = None
            task.cancel()
        if task.cancelled():
            raise _WaiterLeft
        return task.result()

    def _make_due(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            entry.due = self._clock.now()

    def _end_poll(self, entries: Sequence[Entry], earliest: float) -> None:
        """End the turns of jobs after a poll; a job that an event made due meanwhile is polled again at once."""
        made_due = [(entry, entry.due) for entry in entries if entry.due < math.inf]
        self._end_turn(entries, earliest)
        self._postpone(made_due)

    def _end_turn(self, entries: Sequence[Entry], earliest: float) -> None:
        """Note that jobs had their turn; the next one is not before `earliest`."""
        now = self._clock.now()
        self._postpone([(entry, next_turn(entry, now, earliest, self._limits)) for entry in entries if entry.waiters])

    def _postpone(self, turns: Sequence[Turn]) -> None:
        now = self._clock.now()
        for entry, moment in turns:
            entry.due, entry.last_turn = moment, now

    def _note_all(self, entries: Sequence[Entry], found: Mapping[str, S | APIError | None]) -> None:
        for entry in entries:
            outcome = found.get(entry.job_id)
            if isinstance(outcome, APIError):
                self._fail(entry, outcome)
            elif outcome is not None:
                self._note(entry, outcome)

    def _note(self, entry: Entry, state: S) -> None:
        entry.last = state
        is_final = self._source.is_final(state)
        for waiter in entry.waiters:
            if is_final or waiter.wants_progress:
                waiter.notify(state)
        if is_final:
            self._forget(entry)

    def _fail(self, entry: Entry, error: BaseException) -> None:
        for waiter in entry.waiters:
            waiter.notify(error=copy.copy(error))  # each caller adds its own traceback
        self._forget(entry)

    def _remove_waiter(self, entry: Entry, waiter: Waiter) -> None:
        entry.waiters = tuple(other for other in entry.waiters if other is not waiter)
        if not entry.waiters:
            self._forget(entry)

    def _forget(self, entry: Entry) -> None:
        if self._entries.get(entry.job_id) is entry:  # else a new wait for this id has begun since
            del self._entries[entry.job_id]


def _time_left(entries: Sequence[Entry], now: float) -> float:
    return max(min(entry.ends for entry in entries) - now, LAST_POLL)


def _retry_after(failure: Exception) -> float:
    return (failure.retry_after or 0.0) if isinstance(failure, APIError) else 0.0
