"""
The state of a poller: the jobs it polls, the waits for them, and its requests in flight.

All moments are the clock's, in seconds.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, FrozenSet, Iterable, Sequence, Tuple

import attrs

if TYPE_CHECKING:
    import asyncio
    import contextvars

    from bluma_async.waiting.contact import Contact
    from bluma_async.waiting.source import Source

__all__ = ["LAST_POLL", "OTHER_COPY", "Entry", "Poll", "Waiter", "find_sender"]

# Seconds in flight after which a request does not hold the waits of another copy of the client any more, and those of
# the same copy: its hooks can hang, and only its own copy has chosen them.
OTHER_COPY = 5.0
SAME_COPY = 30.0
LAST_POLL = 1.0  # seconds that a poll at the deadline may take, so that a wait with `timeout=0` still polls once


@attrs.define(eq=False, weakref_slot=False)
class Waiter:
    """
    One wait for one job.

    Attributes:
        source: Reads the states, with the options and hooks of the caller's copy of the client.
        poll_interval: Seconds between two polls.
        timeout: Seconds that the wait may take; the error message shows them.
        ends: The moment at which the wait times out.
        wants_progress: Whether each new percentage is wanted. The list of active jobs has none.
        wants_status: Whether each new status is wanted, not only the final one.
        final_statuses: Statuses that end this wait besides those that are final for the source.
        context: The caller's context; requests that are sent for this waiter run in it, so that hooks find their
            context variables.
        future: Done as soon as there is news to take.
        contact: Whether the server has answered.
        state: The newest state.
        silence: The error to report because no answer has come yet.
        error: The error that ends the wait.
        requests: The requests in flight that were sent for this waiter: one, and beside a list its last poll.
        is_busy: Whether its callback is running. No request is sent for it then, because a hook of the request would
            have to wait for the callback in the caller's thread.
        has_left: Whether it does not wait any more.
    """

    source: Source[Any]
    poll_interval: float
    timeout: float
    ends: float
    wants_progress: bool
    wants_status: bool
    final_statuses: FrozenSet[str]
    context: contextvars.Context
    future: asyncio.Future[None]
    contact: Contact
    state: Any = None
    silence: Exception | None = None
    error: BaseException | None = None
    requests: Tuple[asyncio.Future[Any], ...] = ()
    is_busy: bool = False
    has_left: bool = False

    def notify(
        self, state: Any = None, *, silence: Exception | None = None, error: BaseException | None = None
    ) -> None:
        """Give the waiter a state, a report or an error; called in the waiter's event loop."""
        self.state = self.state if state is None else state
        self.silence = silence or self.silence
        self.error = error or self.error
        if not self.future.done():
            self.future.set_result(None)

    def take(self) -> Tuple[Any, Exception | None]:
        """
        Return the newest state and the report, each None if there is none; the waiter can be notified again then.

        Raises:
            BaseException: The error that ends the wait.
        """
        self.future = self.future.get_loop().create_future()
        error, self.error = self.error, None
        if error is not None:
            try:
                raise error
            finally:
                del error  # its traceback refers to this frame: a reference cycle
        state, silence, self.state, self.silence = self.state, self.silence, None, None
        return state, silence

    def ends_with(self, state: Any) -> bool:
        """Return whether a state is final for this wait."""
        return self.source.is_final(state) or self.source.status(state) in self.final_statuses


@attrs.frozen(eq=False)
class Poll:
    """A request in flight: the wait that it is sent for, and the moment at which it began."""

    waiter: Waiter
    began: float

    def holds(self, waiter: Waiter, now: float) -> bool:
        """Return whether another wait takes part in this request, so that none is sent for it."""
        patience = SAME_COPY if waiter.source == self.waiter.source else OTHER_COPY
        return now - self.began < patience


@attrs.define(eq=False, weakref_slot=False)
class Entry:
    """
    One job, and the waits for it.

    Attributes:
        job_id: The job's id.
        due: The moment of the next poll. While a poll is in flight, the moment at which another waiter may need one.
        waiters: The waits; a tuple, which takes less memory than a list. Usually one, and there may be 10,000 entries.
        last: The newest state that was read.
        seen: The moment at which the request for that state began.
        is_unlisted: Whether the job was missing in the list of active jobs, or an event asked for a poll. It is read by
            itself then.
        event: The moment of the newest event that asked for a poll.
        last_turn: The moment at which the last poll ended, or was postponed. A wait times out only after a turn at or
            after its deadline, so that its last poll is not skipped when the poller is late.
        polls: The requests in flight that read this job.
        is_queued: Whether a request that reads this job waits for a place.
        reported_status: The unknown status that was logged.
    """

    job_id: str
    due: float
    waiters: Tuple[Waiter, ...] = ()
    last: Any = None
    seen: float = -math.inf
    is_unlisted: bool = False
    event: float = -math.inf
    last_turn: float = -math.inf
    polls: Tuple[Poll, ...] = ()
    is_queued: bool = False
    reported_status: str | None = None

    def last_moment(self, waiter: Waiter) -> float:
        """Return the moment at which a wait ends although its last poll is in flight; infinity if it is not."""
        began = [poll.began for poll in self.polls if poll.waiter is waiter]
        return max(waiter.ends, *began) + LAST_POLL if began else math.inf

    def find_sender(self, now: float) -> Waiter | None:
        """Return the wait for which a request can be sent now, or None."""
        return find_sender(self.waiters, self.polls, now)

    def ends_with(self, state: Any) -> bool:
        """Return whether a state is final for one of the waits."""
        return any(waiter.ends_with(state) for waiter in self.waiters)

    @property
    def interval(self) -> float:
        """The seconds between two polls: the shortest that a waiter asks for."""
        return min(waiter.poll_interval for waiter in self.waiters)

    @property
    def ends(self) -> float:
        """The first deadline of its waiters."""
        return min(waiter.ends for waiter in self.waiters)

    @property
    def needs_own_read(self) -> bool:
        """Whether the list of active jobs does not say enough: it has no final states, and no progress."""
        return self.is_unlisted or any(waiter.wants_progress for waiter in self.waiters)


def find_sender(waiters: Iterable[Waiter], polls: Sequence[Poll], now: float) -> Waiter | None:
    """
    Return the wait for which a request can be sent now, or None.

    A wait whose deadline has come may always send: it is its last poll. The others take part in the requests in flight
    as long as these hold them. Of several, one whose copy has no request in flight is chosen, and then the one that
    waits longest, because its request is cancelled if it leaves.

    Args:
        waiters: The waits that the request would serve.
        polls: The requests in flight that serve the same waits.
        now: The present moment.
    """
    free = [waiter for waiter in waiters if not waiter.is_busy and _may_send(waiter, polls, now)]
    sources = [poll.waiter.source for poll in polls]
    return max(free, key=lambda waiter: (waiter.source not in sources, waiter.ends), default=None)


def _may_send(waiter: Waiter, polls: Sequence[Poll], now: float) -> bool:
    if waiter.ends <= now:
        return not any(poll.waiter is waiter for poll in polls)
    return not waiter.requests and not any(poll.holds(waiter, now) for poll in polls)
