"""
Compute how fast polls may follow each other, from the rate-limit headers of the last answer.

Rule: lists of active jobs are spread so that the remaining budget lasts until the reset, and one read for each job is
kept back. Single reads, which return results, may use the budget up to a reserve, and are spread from there on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from bluma_async._session.pauses import BudgetPause
from bluma_async.errors import NetworkError, RateLimitError, ServerError

if TYPE_CHECKING:
    from bluma_async._wire.budget import RateLimit

__all__ = ["TRANSIENT", "Pace"]

HOUR = 3600.0
TRANSIENT = (NetworkError, RateLimitError, ServerError)  # failures of a poll that the next one may not have
RESERVE = 0.1  # of the hourly limit; left for the caller's other calls


@attrs.frozen
class Pace:
    """
    The pace of the polls.

    Attributes:
        budget: The budget; None if it is unknown, and then there is no limit.
        age: Seconds since the server reported it.
        noted: The pause that calls of this process wait for; None if none does.
    """

    budget: RateLimit | None = None
    age: float = 0.0
    noted: BudgetPause | None = None

    def spacing(self, kept: int = 0) -> float:
        """
        Return the seconds between two requests that make the budget last until the reset; 0 if it is unknown.

        Near the end it is at least an hour divided by the limit: in a sliding window, the reset returns one request,
        not all of them.

        Args:
            kept: Requests to keep back for other purposes, besides the reserve.
        """
        if self.budget is None:
            return 0.0
        least = HOUR / self.budget.limit if self._spare < 1 and self.budget.limit else 0.0
        left = self._spare - kept if kept else self.budget.remaining
        return max(self._seconds_left / max(left, 1), least)

    def pause(self, requests: int, kept: int = 0) -> float:
        """Return the seconds that so many requests must be spread over; they may reach beyond the reset."""
        least = HOUR / self.budget.limit if self.budget is not None and self.budget.limit else 0.0
        return min(requests * self.spacing(kept), self._seconds_left + requests * least)

    @property
    def is_spent(self) -> bool:
        """Whether the next request would be answered with 429."""
        return self._seconds_left > 0 and self.budget is not None and self.budget.remaining == 0

    @property
    def spent(self) -> BudgetPause | None:
        """The pause in which no poll is sent; None if one may be."""
        if self.budget is not None and self.is_spent:
            return BudgetPause(self.budget.remaining, self.budget.limit, self._seconds_left)
        return self.noted

    def allowance(self, wanted: int) -> int:
        """Return how many of the wanted requests may be sent now; at least one, so that polling never stops."""
        return wanted if self.budget is None else min(wanted, max(self._spare, 1))

    @property
    def _spare(self) -> int:
        return int(self.budget.remaining - RESERVE * self.budget.limit) if self.budget else 0

    @property
    def _seconds_left(self) -> float:
        reset_after = self.budget.reset_after if self.budget else None
        return max(reset_after - self.age, 0.0) if reset_after is not None else 0.0
