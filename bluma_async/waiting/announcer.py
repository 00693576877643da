"""Call the functions that a waiting program has passed in: `on_progress` and `on_status`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable

import attrs

from bluma_async._runtime.callbacks import call_back
from bluma_async.errors import RateLimitError

if TYPE_CHECKING:
    from bluma_async._runtime.clock import Clock
    from bluma_async.waiting.entries import Waiter

__all__ = ["Announcer", "StatusInfo"]


@attrs.frozen(kw_only=True)
class StatusInfo:
    """
    News of a wait: another status, that the server has not answered yet, or that it is not asked now.

    Attributes:
        id: The id of the video or generation.
        status: The status that the server reports, such as `processing`; None if no answer has come.
        is_known: Whether this version of the SDK knows the status. An unknown one does not end the wait, unless it is
            in `final_statuses`.
        is_final: Whether the wait ends with this status.
        elapsed: Seconds since the wait began.
        error: The error of the last poll, if no answer has come; a RateLimitError if the first poll waits because the
            hourly budget of the key is spent; None otherwise.
    """

    id: str
    status: str | None
    is_known: bool = True
    is_final: bool = False
    elapsed: float = 0.0
    error: Exception | None = None

    def __str__(self) -> str:
        if isinstance(self.error, RateLimitError):
            return str(self.error)
        if self.error is not None:
            return f"no answer for {self.elapsed:.0f} s: {self.error}"
        return f"{self.status}" if self.is_known else f"{self.status} (an unknown status)"


@attrs.define
class Announcer:
    """Calls the functions of one wait: with each status and each percentage once, and none lower than before."""

    _clock: Clock
    _job_id: str
    _on_progress: Callable[[int], Any] | None
    _on_status: Callable[[StatusInfo], Any] | None
    _percent: int = -1
    _status: str | None = None

    @property
    def wants_progress(self) -> bool:
        """Whether there is a function for percentages."""
        return self._on_progress is not None

    @property
    def wants_status(self) -> bool:
        """Whether there is a function for statuses."""
        return self._on_status is not None

    async def announce(self, waiter: Waiter, state: Any, silence: Exception | None) -> None:
        """Call the functions with a state (None: there is none yet), or with the error of a missing answer."""
        waiter.is_busy = True
        if silence is not None and self._on_status is not None:
            await call_back(self._on_status, self._info(waiter, status=None, error=silence))
        if state is not None:
            await self._announce_status(waiter, state)
            await self._announce_progress(waiter.source.progress(state))
        waiter.is_busy = False

    async def _announce_status(self, waiter: Waiter, state: Any) -> None:
        status = waiter.source.status(state)
        if self._on_status is not None and status != self._status:
            self._status = status
            is_known, is_final = waiter.source.is_known(state), waiter.ends_with(state)
            await call_back(self._on_status, self._info(waiter, status=status, is_known=is_known, is_final=is_final))

    async def _announce_progress(self, percent: int | None) -> None:
        if self._on_progress is not None and percent is not None and percent > self._percent:
            self._percent = percent
            await call_back(self._on_progress, percent)

    def _info(self, waiter: Waiter, **facts: Any) -> StatusInfo:
        return StatusInfo(id=self._job_id, elapsed=self._clock.now() - waiter.contact.began, **facts)
