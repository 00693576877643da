"""The state of a poller: the jobs it polls, and the waits for them. All moments are the clock's, in seconds."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Tuple

import attrs

if TYPE_CHECKING:
    import asyncio
    import contextvars

__all__ = ["Entry", "Waiter"]


@attrs.define(eq=False, weakref_slot=False)
class Waiter:
    """
    One wait for one job.

    Attributes:
        poll_interval: Seconds between two polls.
        timeout: Seconds that the wait may take; the error message shows them.
        ends: The moment at which the wait times out.
        wants_progress: Whether each new state is wanted, or only the final one.
        context: The caller's context; requests that are sent for this waiter run in it, so that hooks find their
            context variables.
        future: Done as soon as there is a state or an error to take.
        state: The newest state.
        error: The error that ends the wait.
        request: The request in flight that was sent for this waiter.
        is_busy: Whether its callback is running. No request is sent for it then, because a hook of the request would
            have to wait for the callback in the caller's thread.
    """

    poll_interval: float
    timeout: float
    ends: float
    wants_progress: bool
    context: contextvars.Context
    future: asyncio.Future[None]
    state: Any = None
    error: BaseException | None = None
    request: asyncio.Future[Any] | None = None
    is_busy: bool = False

    def notify(self, state: Any = None, error: BaseException | None = None) -> None:
        """Give the waiter a state or an error; called in the waiter's event loop."""
        self.state, self.error = state, error
        if not self.future.done():
            self.future.set_result(None)


@attrs.define(eq=False, weakref_slot=False)
class Entry:
    """
    One job, and the waits for it.

    Attributes:
        job_id: The job's id.
        due: The moment of the next poll; infinity while a poll is in flight.
        waiters: The waits; a tuple, which takes less memory than a list. Usually one, and there may be 10,000 entries.
        last: The newest state that was read.
        is_unlisted: Whether the job was missing in the list of active jobs, or an event asked for a poll. It is read by
            itself then.
        last_turn: The moment at which the last poll ended, or was postponed. A wait times out only after a turn at or
            after its deadline, so that its last poll is not skipped when the poller is late.
    """

    job_id: str
    due: float
    waiters: Tuple[Waiter, ...] = ()
    last: Any = None
    is_unlisted: bool = False
    last_turn: float = -math.inf

    @property
    def free_waiter(self) -> Waiter | None:
        """A waiter for which a request can be sent now."""
        return next((waiter for waiter in self.waiters if not waiter.is_busy), None)

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
