"""
Wait for jobs. All waits of a client share one hub, so that they share their polls.

Rule 1: a wait ends by one monotonic deadline. No pause goes beyond it, and the last poll is at it.
Rule 2: progress is reported by the server, never invented here, and never decreases.
Rule 3: waits in different event loops or accounts share nothing: each pair of loop and account has its own poller.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import os
from typing import TYPE_CHECKING, Any, Callable, Dict, Hashable, Tuple, TypeVar

from bluma_async._runtime.callbacks import call_back
from bluma_async._wire.checks import require_seconds
from bluma_async.errors import BlumaError
from bluma_async.waiting.entries import Waiter
from bluma_async.waiting.poller import Poller

if TYPE_CHECKING:
    from bluma_async._runtime.clock import Clock
    from bluma_async.waiting.source import Source

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
    ) -> S:
        """
        Return the final state of a job.

        Args:
            source: Reads the states.
            job_id: The job to wait for.
            poll_interval: Seconds between two polls; above 0.
            timeout: Seconds to wait; at least 0. The job is polled once even if it is 0.
            on_progress: Called with each new percentage, plain or async. An exception that it raises ends the wait.

        Raises:
            InvalidArgumentError: `poll_interval` or `timeout` is invalid.
            APIError: The server refuses to show the job, for example because its id is unknown.
            BlumaError: The wait timed out (the source names the class), or the client was closed.
        """
        require_seconds("poll_interval", poll_interval, above=0)
        require_seconds("timeout", timeout)
        waiter = self._make_waiter(poll_interval, timeout, wants_progress=on_progress is not None)
        poller, reported = self._poller(source), -1
        poller.join(job_id, waiter)
        try:
            while True:
                await waiter.future
                state: S = _take_state(waiter)
                percent = source.progress(state)
                if on_progress is not None and percent is not None and percent > reported:
                    reported, waiter.is_busy = percent, True
                    await call_back(on_progress, percent)
                    waiter.is_busy = False
                if source.is_final(state):
                    return state
        finally:
            poller.leave(job_id, waiter)

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

    def _make_waiter(self, poll_interval: float, timeout: float, *, wants_progress: bool) -> Waiter:
        return Waiter(
            poll_interval,
            timeout,
            self._clock.now() + timeout,
            wants_progress,
            contextvars.copy_context(),
            asyncio.get_running_loop().create_future(),
        )

    def _poller(self, source: Source[S]) -> Poller[S]:
        key = os.getpid(), asyncio.get_running_loop(), source.group
        poller = self._pollers.get(key)
        if poller is None:
            # Pollers of closed loops, and those inherited from a parent process, can never empty themselves.
            for gone in [key for key in list(self._pollers) if key[1].is_closed() or key[0] != os.getpid()]:
                self._pollers.pop(gone, None)
            poller = self._pollers[key] = Poller(source, self._clock, lambda: self._forget(key))
        return poller

    def _forget(self, key: Key) -> None:
        self._pollers.pop(key, None)


def _take_state(waiter: Waiter) -> Any:
    """Return the state that the waiter was notified of, or raise the error; it can be notified again from now on."""
    waiter.future = asyncio.get_running_loop().create_future()
    if waiter.error is not None:
        raise waiter.error
    return waiter.state
