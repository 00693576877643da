"""
Wait for jobs. All waits of a client share one hub, so that they share their polls.

Rule 1: a wait ends by one monotonic deadline, whatever the server and the hooks do. No pause goes beyond it; the last
poll is at it, and may take a second.
Rule 2: progress is reported by the server, never invented here, and never decreases.
Rule 3: waits in different event loops or accounts share nothing: each pair of loop and account has its own poller.
Rule 4: every client has a hub, so that the module of waits is loaded by the first wait.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from typing import (
    TYPE_CHECKING,
    Any,
    AsyncGenerator,
    Callable,
    Collection,
    Dict,
    Hashable,
    Tuple,
    TypeVar,
    cast,
)

from bluma_async._lazy import LazyModule
from bluma_async.errors import BlumaError

if TYPE_CHECKING:
    from bluma_async._runtime.clock import Clock
    from bluma_async.waiting import waits
    from bluma_async.waiting.announcer import StatusInfo
    from bluma_async.waiting.poller import Poller
    from bluma_async.waiting.source import Source
else:
    waits = LazyModule("bluma_async.waiting.waits")

__all__ = ["PollHub"]

S = TypeVar("S")
Key = Tuple[int, asyncio.AbstractEventLoop, Hashable]


class PollHub:
    """The waits of a client and of its copies."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._pollers: Dict[Key, Poller[Any]] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        return PollHub, (self._clock,)  # the waits stay in this process

    def __deepcopy__(self, _: object) -> PollHub:
        return self

    async def wait(
        self,
        source: Source[S],
        job_id: str,
        *,
        poll_interval: float,
        timeout: float,
        on_progress: Callable[[int], Any] | None = None,
        on_status: Callable[[StatusInfo], Any] | None = None,
        final_statuses: Collection[str] = (),
    ) -> S:
        """
        Return the final state of a job.

        Args:
            source: Reads the states.
            job_id: The job to wait for.
            poll_interval: Seconds between two polls; at least 0.001.
            timeout: Seconds to wait; at least 0. The job is polled once even if it is 0.
            on_progress: Called with each new percentage, plain or async. An exception that it raises ends the wait.
            on_status: Called with a StatusInfo for each new status, and once if no answer comes for 10 s.
            final_statuses: Statuses that end this wait, besides those that are final for the source.

        Raises:
            InvalidArgumentError: An argument is invalid.
            APIError: The server refuses to show the job, for example because its id is unknown.
            BlumaError: The wait timed out (the source names the class), or the client was closed.
        """
        waits.require_wait(poll_interval, timeout, on_progress, on_status, final_statuses)
        announcer = waits.Announcer(self._clock, job_id, on_progress, on_status)
        waiter = waits.make_waiter(self._clock.now(), source, poll_interval, timeout, final_statuses)
        waiter.wants_progress, waiter.wants_status = announcer.wants_progress, announcer.wants_status
        poller = self._poller(source)
        poller.join(job_id, waiter)
        is_abandoned = False
        try:
            while True:
                await waiter.future
                state, silence = waiter.take()
                await announcer.announce(waiter, state, silence)
                if state is not None and waiter.ends_with(state):
                    return cast("S", state)
        except GeneratorExit:  # nothing can be awaited any more
            is_abandoned = True
            raise
        finally:
            poller.leave(job_id, waiter)
            if not is_abandoned:
                await poller.rest()

    async def watch(
        self,
        source: Source[S],
        job_id: str,
        *,
        poll_interval: float,
        timeout: float,
        final_statuses: Collection[str] = (),
    ) -> AsyncGenerator[S, None]:
        """
        Yield the states of a job: the first one, each with a new status or a higher percentage, the final one.

        The time that the consumer takes counts, and no request is sent for it meanwhile.

        Args:
            source: Reads the states.
            job_id: The job.
            poll_interval: Seconds between two polls; at least 0.001.
            timeout: Seconds until the final state; at least 0.
            final_statuses: Statuses that end this, besides those that are final for the source.

        Raises:
            InvalidArgumentError: An argument is invalid.
            APIError: The server refuses to show the job, for example because its id is unknown.
            BlumaError: There was no final state in time (the source names the class), or the client was closed.
        """
        waits.require_wait(poll_interval, timeout, None, None, final_statuses)
        waiter = waits.make_waiter(self._clock.now(), source, poll_interval, timeout, final_statuses)
        waiter.wants_progress = waiter.wants_status = True
        poller, last = self._poller(source), None
        poller.join(job_id, waiter)
        try:
            while True:
                await waiter.future
                state, _ = waiter.take()
                if state is not None and (last is None or _is_news(source, last, state)):
                    last, waiter.is_busy = state, True
                    yield state
                    waiter.is_busy = False
                if state is not None and waiter.ends_with(state):
                    return
        finally:
            poller.leave(job_id, waiter)
            await poller.rest()

    def learn(self, job_id: str, event: Any = None) -> None:
        """Take in an event about a job, such as a webhook; poll the job at once if the event does not name a state."""
        self._call_all(lambda poller: poller.learn(job_id, event))

    def close(self) -> None:
        """End all waits with an error."""
        error = BlumaError(
            "The client was closed while this waited. The job continues; wait for it with its id, in a new client."
        )
        self._call_all(lambda poller: poller.end(error))

    def _call_all(self, action: Callable[[Poller[Any]], None]) -> None:
        for (pid, loop, _), poller in list(self._pollers.items()):
            if pid == os.getpid():
                with contextlib.suppress(RuntimeError):  # that loop is closed, and its waits with it
                    loop.call_soon_threadsafe(action, poller)

    def _poller(self, source: Source[S]) -> Poller[S]:
        key = os.getpid(), asyncio.get_running_loop(), source.group
        poller = self._pollers.get(key)
        if poller is None:
            # Pollers of closed loops, and those inherited from a parent process, can never empty themselves.
            for gone in [key for key in list(self._pollers) if key[1].is_closed() or key[0] != os.getpid()]:
                self._pollers.pop(gone, None)
            poller = self._pollers[key] = waits.Poller(source, self._clock, lambda: self._forget(key))
        return poller

    def _forget(self, key: Key) -> None:
        self._pollers.pop(key, None)


def _is_news(source: Source[S], last: S, state: S) -> bool:
    """Return whether a state says more than the last one that was reported."""
    if source.status(state) != source.status(last):
        return True
    before, now = source.progress(last), source.progress(state)
    return now is not None and (before is None or now > before)
