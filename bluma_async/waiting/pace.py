"""
How fast polls may follow each other, by what the last answer told of the budget.

Rule: rounds are spread so that what is left lasts until the reset, with one read for each job kept back; single reads,
which bring results, may use it up down to a reserve, and are spread from there on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from bluma_async._wire.budget import RateLimit

__all__ = ["Pace"]

HOUR = 3600.0
RESERVE = 0.1  # of the hourly limit; left to the callers' other calls


@attrs.frozen
class Pace:
    """A budget, and the seconds that have passed since it was told."""

    budget: RateLimit | None = None
    age: float = 0.0

    def spacing(self, kept: int = 0) -> float:
        """
        Return the seconds from one request to the next that make the budget last; 0 when it is unknown.

        Near the end it is the hour's own pace at least: in a sliding window the reset brings but one request back.

        Args:
            kept: How many requests to keep back for other ends, besides the reserve.
        """
        if self.budget is None:
            return 0.0
        least = HOUR / self.budget.limit if self._spare < 1 and self.budget.limit else 0.0
        left = self._spare - kept if kept else self.budget.remaining
        return max(self._seconds_left / max(left, 1), least)

    def pause(self, requests: int, kept: int = 0) -> float:
        """Return the seconds to wait before, or for the sake of, so many requests: until the reset, if need be."""
        least = HOUR / self.budget.limit if self.budget is not None and self.budget.limit else 0.0
        return min(requests * self.spacing(kept), self._seconds_left + requests * least)

    @property
    def is_spent(self) -> bool:
        """Whether the next request would be a 429."""
        return self._seconds_left > 0 and self.budget is not None and self.budget.remaining == 0

    def allowance(self, wanted: int) -> int:
        """Return how many of so many requests may be made now."""
        return wanted if self.budget is None else min(wanted, max(self._spare, 1))

    @property
    def _spare(self) -> int:
        return int(self.budget.remaining - RESERVE * self.budget.limit) if self.budget else 0

    @property
    def _seconds_left(self) -> float:
        told = self.budget.reset_after if self.budget else None
        return max(told - self.age, 0.0) if told is not None else 0.0
