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
        teller: _Teller[S] = _Teller(watched, on_progress)
        last: S | None = None
        while True:
            seen, pause = await self._look(watched, ends)
            if seen is not None:
                last = seen
                await teller.tell(seen)
                if watched.is_final(seen):
                    return seen
            left = ends - self._clock.now()
            if left <= 0:
                raise watched.timed_out(last, timeout)
            await self._clock.sleep(min(max(poll_interval, pause), left))

    async def _look(self, watched: Watched[S], ends: float) -> tuple[S | None, float]:
        """Return what was seen, or None and the seconds the server wants to be left alone."""
        try:
            return await watched.look(max(ends - self._clock.now(), LAST_LOOK)), 0.0
        except (NetworkError, RateLimitError, ServerError) as failure:
            return None, (failure.retry_after or 0.0) if isinstance(failure, APIError) else 0.0


@attrs.define
class _Teller(Generic[S]):
    """Passes progress on: each percentage once, and none that is lower than the one before."""

    _watched: Watched[S]
    _on_progress: Callable[[int], Any] | None
    _told: int = -1

    async def tell(self, state: S) -> None:
        percent = self._watched.progress(state)
        if self._on_progress is not None and percent is not None and percent > self._told:
            self._told = percent
            await call_back(self._on_progress, percent)


def _require_seconds(name: str, value: object, above: float | None = None) -> None:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    if not is_number or value < 0 or value == above:  # type: ignore[operator]  # is_number says so
        raise invalid(
            name, f"{name} must be a number of seconds {'above' if above == 0 else 'of at least'} 0, not {value!r}."
        )
