"""
The jobs of a poller and the waits for them: who waits, when each job has its next turn, and who gets its state.

Rule 1: nothing here sends or sleeps. The poller does, and tells this module what was answered.
Rule 2: an answer never replaces a newer one, or an event that came after its request had begun.
"""

from __future__ import annotations

import copy
import math
from typing import TYPE_CHECKING, Any, Dict, Generic, Iterable, List, Mapping, Sequence, TypeVar

from bluma_async.errors import APIError
from bluma_async.waiting.entries import OTHER_COPY, Entry
from bluma_async.waiting.list_limits import Limits
from bluma_async.waiting.plan import before_deadline, next_turn
from bluma_async.waiting.reports import note_answer, report_unknown

if TYPE_CHECKING:
    from bluma_async._runtime.clock import Clock
    from bluma_async.waiting.alarm import Alarm
    from bluma_async.waiting.entries import Poll, Waiter
    from bluma_async.waiting.plan import Turn
    from bluma_async.waiting.source import Source

__all__ = ["Jobs"]

S = TypeVar("S")


class Jobs(Generic[S]):
    """The entries of one poller."""

    def __init__(self, source: Source[S], clock: Clock, alarm: Alarm) -> None:
        """
        Set up an empty table.

        Args:
            source: Judges the states.
            clock: Tells the moments.
            alarm: Rings when a job has become due.
        """
        self._source = source
        self._clock = clock
        self._alarm = alarm
        self._limits = Limits(source.jobs_per_poll)
        self._entries: Dict[str, Entry] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def all(self) -> List[Entry]:
        """Return the entries; each has a waiter."""
        return list(self._entries.values())

    def join(self, job_id: str, waiter: Waiter) -> None:
        """Add a waiter. Its job is due at once, unless a request that this wait takes part in reads it already."""
        now, entry = self._clock.now(), self._entries.get(job_id)
        if entry is None:
            entry = self._entries[job_id] = Entry(job_id, now)
        entry.waiters += (waiter,)
        entry.last_turn = -math.inf  # one more poll, even if `timeout` is 0
        takes_part = entry.is_queued or any(poll.holds(waiter, now) for poll in entry.polls)
        entry.due = min(entry.due, waiter.ends, now + OTHER_COPY) if takes_part else now
        self._alarm.ring()

    def leave(self, job_id: str, waiter: Waiter) -> None:
        """Remove a waiter, and cancel the requests that are in flight for it."""
        entry = self._entries.get(job_id)
        if entry is not None:
            self.remove_waiter(entry, waiter)
        waiter.has_left = True
        for request in waiter.requests:
            request.cancel()
        if not self._entries:
            self._alarm.ring()

    def learn(self, job_id: str, event: Any) -> None:
        """Take in an event about a job: a final state ends its waits, an event without a known state polls it now."""
        entry = self._entries.get(job_id)
        if entry is None:
            return
        state = self._source.merge_event(entry.last, event)
        if state is not None:
            self._note(entry, state, self._clock.now())
            return
        entry.event, entry.is_unlisted = self._clock.now(), True
        self.make_due([entry])

    def end(self, error: BaseException) -> None:
        """End all waits with an error."""
        for entry in self.all():
            self._fail(entry, error)
        self._alarm.ring()

    def begin_poll(self, poll: Poll, entries: Sequence[Entry]) -> None:
        """Note that a request reads these jobs. They are due again when another copy's wait may need one."""
        for entry in entries:
            entry.polls += (poll,)
            entry.due = before_deadline(entry, poll.began, poll.began + OTHER_COPY)

    def end_poll(self, poll: Poll, entries: Sequence[Entry], pause: float | None = 0.0) -> None:
        """
        Note that a request has ended.

        Args:
            poll: The request.
            entries: The jobs that it reads.
            pause: Seconds before which they are not polled again; None if they have had no turn, and are due now.
        """
        for entry in entries:
            entry.polls = tuple(other for other in entry.polls if other is not poll)
        if pause is None:
            self.make_due(entries)
            return
        self.end_turn(entries, self._clock.now() + pause)
        self.make_due([entry for entry in entries if entry.event >= poll.began])

    def drop_poll(self, poll: Poll, entries: Sequence[Entry]) -> None:
        """End a poll whose request has not done so: it was cancelled before its first step. Its jobs are due now."""
        open_entries = [entry for entry in entries if poll in entry.polls]
        if open_entries:
            self.end_poll(poll, open_entries, None)

    def make_due(self, entries: Iterable[Entry]) -> None:
        """Give jobs their next turn now, unless a request reads them already."""
        for entry in entries:
            if not entry.polls and not entry.is_queued:
                entry.due = self._clock.now()
        self._alarm.ring()

    def end_turn(self, entries: Sequence[Entry], earliest: float) -> None:
        """Note that jobs had their turn; the next one is not before `earliest`."""
        now = self._clock.now()
        self.postpone([(entry, next_turn(entry, now, earliest, self._limits)) for entry in entries if entry.waiters])

    def postpone(self, turns: Sequence[Turn]) -> None:
        """Note that jobs had their turn, and the moments of the next ones."""
        now = self._clock.now()
        for entry, moment in turns:
            entry.due, entry.last_turn = moment, now

    def note_list(self, entries: Sequence[Entry], active: Mapping[str, S]) -> List[Entry]:
        """Note which jobs are active, and return those that must be read by themselves all the same."""
        for entry in entries:
            state = active.get(entry.job_id)
            entry.is_unlisted = entry.is_unlisted or state is None or entry.ends_with(state)
            entry.last = state if entry.last is None else entry.last
            for waiter in entry.waiters:
                if state is not None and waiter.wants_status and not waiter.ends_with(state):
                    waiter.notify(state)
        return [entry for entry in entries if entry.needs_own_read]

    def note_all(self, poll: Poll, entries: Sequence[Entry], found: Mapping[str, S | APIError | None]) -> None:
        """Note what a request has read: for each job its state, the error that ends its waits, or nothing."""
        note_answer(entries)
        for entry in entries:
            outcome = found.get(entry.job_id)
            if isinstance(outcome, APIError):
                self._fail(entry, outcome)
            elif outcome is not None:
                self._note(entry, outcome, poll.began)

    def remove_waiter(self, entry: Entry, waiter: Waiter) -> None:
        """Remove one wait for a job."""
        entry.waiters = tuple(other for other in entry.waiters if other is not waiter)
        if not entry.waiters:
            self._forget(entry)

    def _note(self, entry: Entry, state: S, seen: float) -> None:
        """Note a state that was read by a request, or reported by an event, of this moment."""
        is_final = self._source.is_final(state)
        if seen < entry.seen and not is_final:
            return
        entry.last, entry.seen = state, seen
        report_unknown(entry, state, self._source)
        for waiter in entry.waiters:
            if waiter.wants_progress or waiter.wants_status or waiter.ends_with(state):
                waiter.notify(state)
        if is_final:
            self._forget(entry)

    def _fail(self, entry: Entry, error: BaseException) -> None:
        for waiter in entry.waiters:
            waiter.notify(error=copy.copy(error))  # each caller adds its own traceback
        self._forget(entry)

    def _forget(self, entry: Entry) -> None:
        entry.waiters = ()  # requests that read this job are in flight perhaps: they have nobody to serve
        if self._entries.get(entry.job_id) is entry:  # else a new wait for this id has begun since
            del self._entries[entry.job_id]
