"""
Where all waits of a client come together.

Rule 1: a wait ends by one monotonic deadline; no pause goes beyond it, and the last look is at it.
Rule 2: progress is the server's own, and never goes back.
Rule 3: waits in different event loops, or of different accounts, do not meet: each has a patrol of its own.
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
from bluma_async.waiting.poller import Poller
from bluma_async.waiting.source import Waiter

if TYPE_CHECKING:
    from bluma_async._runtime.clock import Clock
    from bluma_async.waiting.source import Source

__all__ = ["PollHub"]

S = TypeVar("S")
Key = Tuple[int, asyncio.AbstractEventLoop, Hashable]


class PollHub:
    """Waits for jobs. All waits of a client pass through here."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._pollers: Dict[Key, Poller[Any]] = {}

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
        Return the final state.

        Args:
            source: Where states come from.
            job_id: What to wait for.
            poll_interval: Seconds between two looks; above 0.
            timeout: Seconds to wait; at least 0. The job is looked at once even if it is 0.
            on_progress: Called with each new percentage, plain or async; what it raises ends the wait.
        """
        require_seconds("poll_interval", poll_interval, above=0)
        require_seconds("timeout", timeout)
        waiter = Waiter(
            poll_interval,
            timeout,
            self._clock.now() + timeout,
            on_progress is not None,
            contextvars.copy_context(),
            asyncio.get_running_loop().create_future(),
        )
        poller, told = self._poller(source), -1
        poller.join(job_id, waiter)
        try:
            while True:
                await waiter.future
                state: S = _news(waiter)
                percent = source.progress(state)
                if on_progress is not None and percent is not None and percent > told:
                    told, waiter.is_busy = percent, True
                    await call_back(on_progress, percent)
                    waiter.is_busy = False
                if source.is_final(state):
                    return state
        finally:
            poller.leave(job_id, waiter)

    def learn(self, job_id: str, news: Any = None) -> None:
        """Take in news of a job, such as a webhook; if its source can make nothing of them, look at it at once."""
        self._everywhere(lambda poller: poller.learn(job_id, news))

    def close(self) -> None:
        """End all waits."""
        error = BlumaError("The client was closed while this waited. The job goes on; wait for it again with its id.")
        self._everywhere(lambda poller: poller.end(error))

    def _everywhere(self, action: Callable[[Poller[Any]], None]) -> None:
        for (pid, loop, _), poller in list(self._pollers.items()):
            if pid == os.getpid():
                with contextlib.suppress(RuntimeError):  # the loop was closed
                    loop.call_soon_threadsafe(action, poller)

    def _poller(self, source: Source[S]) -> Poller[S]:
        key = os.getpid(), asyncio.get_running_loop(), source.group
        poller = self._pollers.get(key)
        if poller is None:
            for gone in [key for key in list(self._pollers) if key[1].is_closed() or key[0] != os.getpid()]:
                self._pollers.pop(gone, None)
            poller = self._pollers[key] = Poller(source, self._clock, lambda: self._forget(key))
        return poller

    def _forget(self, key: Key) -> None:
        self._pollers.pop(key, None)


def _news(waiter: Waiter) -> Any:
    """Return what a waiter was told, or raise it; from now on it can be told more."""
    waiter.future = asyncio.get_running_loop().create_future()
    if waiter.error is not None:
        raise waiter.error
    return waiter.state
