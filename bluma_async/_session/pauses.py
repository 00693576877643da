"""
The pauses in which the hourly budget of an API key has no request left.

Rule 1: a pause is logged once, when something waits for its end. It is over at the moment that was logged.
Rule 2: calls that wait for a shared budget, and polls that wait for the budget of the last answer, note the same pause.
"""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING

import attrs

from bluma_async._runtime.clock import local_time
from bluma_async._runtime.log import logger

if TYPE_CHECKING:
    from datetime import datetime

    from bluma_async._runtime.clock import Clock

__all__ = ["PAUSED", "BudgetPause", "Pauses"]

PAUSED = "budget_spent"  # the field `event` of the record that is logged
DAY = 86400.0  # seconds
SHORTEST = 10.0  # seconds; near the end of a budget, requests come back one by one, every few seconds


@attrs.frozen
class BudgetPause:
    """
    A time in which the budget has no request for a call.

    Attributes:
        remaining: Requests that are left; those of a call are kept for more important ones if it is not 0.
        limit: Requests allowed in an hour.
        resets_in: Seconds until a request comes back.
        others: Requests that other processes have leased and not sent yet.
    """

    remaining: int
    limit: int
    resets_in: float
    others: int = 0

    def describe(self, now: datetime | None = None) -> str:
        """Return the pause in words; with the time of its end if the present time is given."""
        is_soon = now is not None and self.resets_in < DAY  # a server may send any time, also one after the year 9999
        ends = f" at {(now + timedelta(seconds=self.resets_in)).astimezone():%H:%M:%S}," if now and is_soon else ""
        state = "nearly spent" if self.remaining else "spent"
        facts = f"{self.remaining} of {self.limit} requests are left"
        facts += ", and they are kept for creates and more important reads" if self.remaining else ""
        facts += f"; other processes have leased {self.others} more" if self.others else ""
        end = f"Requests are possible again{ends} in {self.resets_in:.0f} s."
        return f"The hourly budget of this key is {state}: {facts}. {end}"


class Pauses:
    """The pauses of one key."""

    def __init__(self) -> None:
        self._pause: BudgetPause | None = None
        self._ends = -math.inf
        self._logged_until = -math.inf

    def note(self, pause: BudgetPause | None, clock: Clock) -> None:
        """Note that a call waits for the end of a pause, and log that; None: there is none any more."""
        self._pause = pause
        if pause is not None:
            self._ends = clock.now() + pause.resets_in
            self.report(pause, clock)

    def report(self, pause: BudgetPause, clock: Clock) -> None:
        """Log a pause, unless it was logged before."""
        now = clock.now()
        if now >= self._logged_until and pause.resets_in >= SHORTEST:
            self._logged_until = now + pause.resets_in
            logger.warning("%s", pause.describe(local_time(clock)), extra={"event": PAUSED})

    def find(self, clock: Clock) -> BudgetPause | None:
        """Return the pause that calls wait for, or None."""
        left = self._ends - clock.now()
        return None if self._pause is None or left <= 0 else attrs.evolve(self._pause, resets_in=left)
