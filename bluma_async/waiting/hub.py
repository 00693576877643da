"""
Where all waits of a client come together.

Rule 1: a wait ends by one monotonic deadline; no pause goes beyond it, and the last look is at it.
Rule 2: a look that fails in passing (no answer, 429, 5xx) is a look that saw nothing; only a refusal ends the wait.
Rule 3: progress is the server's own, and never goes back.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Callable, Generic, Protocol, TypeVar

import attrs

from bluma_async._callbacks import call_back
from bluma_async._wire.call import invalid
from bluma_async.errors import APIError, NetworkError, RateLimitError, ServerError

if TYPE_CHECKING:
    from bluma_async._ports import Clock

__all__ = ["PollHub", "Watched"]

S = TypeVar("S")
LAST_LOOK = 1.0  # seconds that a look at the deadline may take


class Watched(Protocol[S]):
    """Something that is waited for, and how to look at it."""

    async def look(self, within: float) -> S:
        """Read its present state, in so many seconds at most."""
        ...

    def is_final(self, state: S) -> bool:
        """Whether it will not change any more."""
        ...

    def progress(self, state: S) -> int | None:
        """How far it is, in percent, if the server says so."""
        ...

    def timed_out(self, last: S | None, timeout: float) -> Exception:
        """Return the error for a wait that ended first."""
        ...


class PollHub:
    """Looks at what is waited for until it is final. All waits of a client pass through here."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def wait(
        self,
        watched: Watched[S],
        *,
        poll_interval: float,
        timeout: float,
        on_progress: Callable[[int], Any] | None = None,
    ) -> S:
        """
        Return the final state.

        Args:
            watched: What to wait for.
            poll_interval: Seconds between two looks; above 0.
            timeout: Seconds to wait; at least 0. The thing is looked at once even if it is 0.
            on_progress: Called with each new percentage, plain or async; what it raises ends the wait.
        """
        _require_seconds("poll_interval", poll_interval, above=0)
        _require_seconds("timeout", timeout)
        ends = self._clock.now() + timeout
        wait = _Wait(watched, on_progress)
        while True:
            pause = await wait.look(ends - self._clock.now())
            if wait.last is not None and watched.is_final(wait.last):
                return wait.last
            left = ends - self._clock.now()
            if left <= 0:
                raise watched.timed_out(wait.last, timeout)
            await self._clock.sleep(min(max(poll_interval, pause), left))


@attrs.define
class _Wait(Generic[S]):
    """One wait: what it saw last, and what it told."""

    watched: Watched[S]
    on_progress: Callable[[int], Any] | None
    last: S | None = None
    told: int = -1

    async def look(self, left: float) -> float:
        """Look once, and return the seconds for which the server wants to be left alone."""
        try:
            self.last = await self.watched.look(max(left, LAST_LOOK))
        except (NetworkError, RateLimitError, ServerError) as failure:
            return (failure.retry_after or 0.0) if isinstance(failure, APIError) else 0.0
        percent = self.watched.progress(self.last)
        if self.on_progress is not None and percent is not None and percent > self.told:
            self.told = percent
            await call_back(self.on_progress, percent)
        return 0.0


def _require_seconds(name: str, value: object, above: float | None = None) -> None:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    if not is_number or value < 0 or value == above:  # type: ignore[operator]  # is_number says so
        raise invalid(
            name, f"{name} must be a number of seconds {'above' if above == 0 else 'of at least'} 0, not {value!r}."
        )
