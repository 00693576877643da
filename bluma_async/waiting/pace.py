"""
How fast polls may follow each other, by what the last answer told of the budget.

Rule: rounds are spread so that what is left lasts until the reset; single reads, which bring results, may use it up
down to a reserve, and are spread from there on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from bluma_async._wire.budget import RateLimit

__all__ = ["Pace"]

RESERVE = 0.1  # of the hourly limit; left to the callers' other calls


@attrs.frozen
class Pace:
    """A budget, and the seconds that have passed since it was told."""

    budget: RateLimit | None = None
    age: float = 0.0

    @property
    def spacing(self) -> float:
        """The seconds from one request to the next that make the budget last; 0 when it is unknown, or new by now."""
        left = self._seconds_left
        return left / max(self.budget.remaining, 1) if self.budget and left > 0 else 0.0

    @property
    def is_tight(self) -> bool:
        """Whether only the reserve is left."""
        return self._seconds_left > 0 and self.budget is not None and self.budget.remaining <= self._reserve

    @property
    def is_spent(self) -> bool:
        """Whether the next request would be a 429."""
        return self._seconds_left > 0 and self.budget is not None and self.budget.remaining == 0

    @property
    def _reserve(self) -> float:
        return RESERVE * self.budget.limit if self.budget else 0.0

    @property
    def _seconds_left(self) -> float:
        told = self.budget.reset_after if self.budget else None
        return max(told - self.age, 0.0) if told is not None else 0.0
