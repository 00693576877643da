"""
Poll everything that is waited for in one event loop and one account.

Rule 1: `plan` decides, this module acts: it sends the planned requests, notes their outcomes, and sleeps. It never
waits for a request: neither a slow server nor a hook that hangs delays the next step.
Rule 2: a job is polled once, however many waits there are for it. The request is sent for one waiter: with the options
and hooks of its copy of the client, and in its context. If it leaves, the request is cancelled and sent for another.
Rule 3: a poll that fails with a transient error (no answer, 429, 5xx) changes no job. A refusal ends the job's waits.
Any other exception was raised by a hook, and ends the wait for which the request was sent.
Rule 4: a program that stops can cancel all tasks of its loop but those that it awaits. The waits that go on are polled
for further: the poller starts again, and a request that was cancelled is sent again. A task that is cancelled before
its first step never runs its coroutine: the work that must follow is in done-callbacks.
"""

from __future__ import annotations

import asyncio
import contextvars
import math
from functools import partial
from typing import TYPE_CHECKING, Any, Callable, Coroutine, Dict, Generic, Sequence, TypeVar

import attrs

from bluma_async.errors import APIError, NetworkError
from bluma_async.waiting.alarm import Alarm
from bluma_async.waiting.entries import LAST_POLL, OTHER_COPY, Poll
from bluma_async.waiting.jobs import Jobs
from bluma_async.waiting.list_limits import (
    RELIST,
    Limits,
    ListState,
    after_failed_list,
    after_failed_read,
    next_list,
)
from bluma_async.waiting.pace import TRANSIENT
from bluma_async.waiting.plan import DUE_TOGETHER, before_deadline, next_wake, plan, plan_reads
from bluma_async.waiting.reports import note_answer, note_failure, report_silence
from bluma_async.waiting.request_queue import Request, RequestQueue

if TYPE_CHECKING:
    from bluma_async._runtime.clock import Clock
    from bluma_async.waiting.entries import Entry, Waiter
    from bluma_async.waiting.plan import Plan
    from bluma_async.waiting.source import Source

__all__ = ["Poller"]

S = TypeVar("S")
LONGEST_SLEEP = 3600.0  # seconds; event loops refuse to sleep for longer than a day
STEPS_TO_END = 20  # of the event loop, in which cancelled requests end, unless a hook refuses


class _WaiterLeft(Exception):  # noqa: N818 - it is a signal between two functions, and no error
    """The waiter for which a request was sent does not wait any more, or the request was cancelled from outside."""


class Poller(Generic[S]):
    """One task that polls as long as there is a waiter."""

    def __init__(self, source: Source[S], clock: Clock, on_empty: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._source = source
        self._clock = clock
        self._on_empty = on_empty
        self._alarm = Alarm()
        self._jobs = Jobs(source, clock, self._alarm)
        self._requests = RequestQueue(self._alarm, on_error=self._jobs.end)
        self._limits = Limits(source.jobs_per_poll)
        self._task: asyncio.Task[None] | None = None

    def join(self, job_id: str, waiter: Waiter) -> None:
        """Add a waiter. Its job is polled at once, as far as the pace allows."""
        self._jobs.join(job_id, waiter)
        if self._task is None:
            self._start()

    def leave(self, job_id: str, waiter: Waiter) -> None:
        """Remove a waiter, and cancel the requests that are in flight for it."""
        self._jobs.leave(job_id, waiter)

    async def rest(self) -> None:
        """Let the tasks end that the last wait has left: Python reports those that a closed loop leaves pending."""
        for _ in range(STEPS_TO_END):
            if self._jobs or (self._task is None and self._requests.is_idle):
                return
            await asyncio.sleep(0)

    def learn(self, job_id: str, event: Any) -> None:
        """Take in an event about a job: a final state ends its waits, an event without a known state polls it now."""
        self._jobs.learn(job_id, event)

    def end(self, error: BaseException) -> None:
        """End all waits with an error."""
        self._jobs.end(error)

    def _start(self) -> None:
        # In an empty context: the task outlives the call that starts it, and must not keep its context variables.
        context = contextvars.Context()
        self._task = context.run(self._loop.create_task, self._run())
        self._task.add_done_callback(self._ended, context=context)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """Start again if there are waits: the task was cancelled, or ended by Ctrl-C, and its loop goes on."""
        self._task = None
        if not task.cancelled():
            task.exception()  # marks it as retrieved: the event loop has raised it already
        if self._jobs:
            self._start()
        else:
            self._on_empty()

    async def _run(self) -> None:
        try:
            while self._jobs:
                pace = self._source.pace()
                if pace.spent is not None:
                    self._source.report_pause(pace.spent)
                step = plan(self._clock.now(), self._jobs.all(), pace, self._limits)
                self._act(step)
                if not step.expired and not step.silent:
                    await self._pause()
        except Exception as error:  # noqa: BLE001 - nothing awaits this task: its waiters must get the error
            self.end(error)

    def _act(self, step: Plan) -> None:
        for entry, waiter in step.expired:
            error = waiter.source.timeout_error(entry.job_id, entry.last, waiter.timeout, waiter.contact)
            waiter.notify(error=error)
            self._jobs.remove_waiter(entry, waiter)
        report_silence(step.silent)
        for entry, moment in step.deferred:
            entry.due = moment
        self._jobs.postpone(step.postponed)
        if step.list_for is not None:
            self._begin_list(step.list_for, step.listed)
        self._send(step.reads)

    async def _pause(self) -> None:
        """Sleep until the next step is due, or until the alarm rings, as it does when a request ends."""
        now = self._clock.now()
        seconds = min(max(next_wake(now, self._jobs.all()) - now, 0.0), LONGEST_SLEEP)
        # While requests are in flight, time passes by itself. A clock of tests moves only when it is slept on.
        await self._alarm.sleep(self._clock.sleep(seconds) if self._requests.is_idle else asyncio.sleep(seconds))

    def _begin_list(self, waiter: Waiter, listed: Sequence[Entry]) -> None:
        """Start a request for the list of active jobs; it gives `listed` their turn."""
        now = self._clock.now()
        poll = Poll(waiter, now)
        self._limits = attrs.evolve(self._limits, next_list=now + OTHER_COPY, lists=(*self._limits.lists, poll))
        for entry in listed:
            entry.due = before_deadline(entry, now, now + OTHER_COPY)
        entries = self._jobs.all()
        for entry in entries:
            entry.is_unlisted = False  # the list decides that again; an event that comes meanwhile sets it
        work = self._list(poll, entries, listed)
        self._requests.start(Request(work, on_end=partial(self._drop_list, poll, listed)))

    async def _list(self, poll: Poll, entries: Sequence[Entry], listed: Sequence[Entry]) -> None:
        """List the active jobs, and send the requests that are needed besides."""
        more: Sequence[Entry] = ()
        try:
            found = await self._send_for(
                poll, lambda source, within: source.list_active(len(entries), min(within, self._limits.list_time))
            )
        except _WaiterLeft:
            self._jobs.make_due(listed)  # the next plan lists them for another waiter
        except TRANSIENT as failure:
            self._note_failed_list(entries, poll.began, failure)
        except APIError:
            self._give_up_lists(poll.began, listed)  # this key may not list
        else:
            note_answer(entries)
            more = self._note_list(entries, listed, poll.began, found)
        finally:
            self._end_list(poll)
        self._jobs.make_due(set(self._jobs.all()).difference(entries))  # those that have joined since
        self._read_besides(more)

    def _note_failed_list(self, entries: Sequence[Entry], began: float, failure: Exception) -> None:
        """Note that a list could not be read now. If single reads are answered all the same, jobs are read by them."""
        pause = note_failure(entries, failure)
        self._limits = after_failed_list(self._limits, began, pause, self._source.pace(), len(self._jobs))
        is_replaced = began < self._limits.lists_again and not pause
        due = [entry for entry in entries if is_replaced or entry.is_unlisted]  # by an event that came meanwhile
        self._jobs.end_turn(list(set(entries).difference(due)), began + pause)
        self._jobs.make_due(due)

    def _note_single_answer(self) -> None:
        """Note that a single read was answered: the server is up. If a list has failed, it is tried again now."""
        if self._limits.list_state is ListState.FAILED:
            self._limits = attrs.evolve(self._limits, list_state=ListState.SUSPECT)
            self._jobs.make_due(self._jobs.all())

    def _end_list(self, poll: Poll) -> None:
        lists = tuple(other for other in self._limits.lists if other is not poll)
        self._limits = attrs.evolve(self._limits, lists=lists)

    def _drop_list(self, poll: Poll, listed: Sequence[Entry]) -> None:
        """End a list that was cancelled before its first step. It has sent nothing: the next plan may list at once."""
        if poll in self._limits.lists:
            self._end_list(poll)
            self._limits = attrs.evolve(self._limits, next_list=poll.began)
            self._jobs.make_due(listed)

    def _note_list(
        self, entries: Sequence[Entry], listed: Sequence[Entry], began: float, found: tuple[Dict[str, S], int] | None
    ) -> Sequence[Entry]:
        """Note which jobs are active, and return those that are read by themselves all the same."""
        if found is None:
            self._give_up_lists(began, listed)  # there is no list, or reading the jobs one by one takes fewer requests
            return ()
        active, requests = found
        again = next_list(began, self._source.pace(), requests, len(self._jobs))
        self._limits = attrs.evolve(self._limits, next_list=again, list_state=ListState.USABLE)
        self._jobs.end_turn(entries, again)
        return self._jobs.note_list(entries, active)

    def _give_up_lists(self, began: float, listed: Sequence[Entry]) -> None:
        """Read jobs one by one for a time; the next plan reads these."""
        self._limits = attrs.evolve(self._limits, lists_again=began + RELIST)
        self._jobs.make_due(listed)

    def _read_besides(self, entries: Sequence[Entry]) -> None:
        """Read jobs by themselves after a list."""
        chosen = [entry for entry in entries if entry.waiters and not entry.polls and not entry.is_queued]
        step = plan_reads(self._clock.now(), chosen, self._source.pace(), self._limits)
        self._jobs.postpone(step.postponed)
        self._send(step.reads)

    def _send(self, groups: Sequence[Sequence[Entry]]) -> None:
        """Start a request for each group of jobs; at once if a wait has its last poll, else when there is a place."""
        now = self._clock.now()
        for group in groups:
            for entry in group:
                entry.is_queued, entry.due = True, before_deadline(entry, now, math.inf)
            if any(entry.ends <= now + DUE_TOGETHER for entry in group):
                self._requests.start(self._begin_read(group))
            else:
                self._requests.add(partial(self._begin_read, group))

    def _begin_read(self, group: Sequence[Entry]) -> Request | None:
        """Return the request that reads the jobs of a group which still need it, or None."""
        now, entries = self._clock.now(), [entry for entry in group if entry.waiters and entry.is_queued]
        for entry in entries:
            entry.is_queued = False
        sender = next(filter(None, (entry.find_sender(now) for entry in entries)), None)
        if sender is None:  # since the plan was made, the waiters have left, or their callbacks have begun
            self._jobs.make_due(entries)
            return None
        poll = Poll(sender, now)
        self._jobs.begin_poll(poll, entries)
        return Request(self._read(poll, entries), on_end=partial(self._jobs.drop_poll, poll, entries))

    async def _read(self, poll: Poll, entries: Sequence[Entry]) -> None:
        """Read jobs with one request, and note their states."""
        names = [entry.job_id for entry in entries]
        try:
            found = await self._send_for(poll, lambda source, within: source.poll(names, within))
        except _WaiterLeft:
            self._jobs.end_poll(poll, entries, None)
        except TRANSIENT as failure:
            pause = note_failure(entries, failure)
            self._limits = after_failed_read(self._limits, self._clock.now(), pause, entries)
            self._jobs.end_poll(poll, entries, pause)
        except APIError as refusal:
            self._jobs.note_all(poll, entries, dict.fromkeys(names, refusal))
            self._note_single_answer()
        else:
            self._jobs.end_poll(poll, entries, self._source.pace().spacing())
            self._jobs.note_all(poll, entries, found)
            self._note_single_answer()

    async def _send_for(self, poll: Poll, work: Callable[[Source[S], float], Coroutine[Any, Any, Any]]) -> Any:
        """Run requests with a waiter's options and in its context, and no longer than it waits."""
        waiter = poll.waiter
        within = max(waiter.ends - poll.began, LAST_POLL)
        task = waiter.context.copy().run(self._loop.create_task, work(waiter.source, within))
        waiter.requests += (task,)
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError:
            raise _WaiterLeft from None
        finally:
            waiter.requests = tuple(other for other in waiter.requests if other is not task)
            task.cancel()
        error = asyncio.CancelledError() if task.cancelled() else task.exception()
        if error is None:
            return task.result()
        try:
            if isinstance(error, (APIError, NetworkError)):
                raise error
            if not waiter.has_left:  # a hook has raised it
                waiter.is_busy = True  # nothing more is sent for it
                waiter.notify(error=error)
            raise _WaiterLeft
        finally:
            del error, task  # the traceback refers to this frame: a reference cycle
