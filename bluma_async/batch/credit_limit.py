"""The limit on credits, and the probable price of the next video."""

from __future__ import annotations

import math
from contextlib import contextmanager
from typing import Dict, Generator, Tuple

from bluma_async.errors import InsufficientCreditsError

__all__ = ["CreditLimit"]

MULTIPLIERS = {"1080p": 1.5, "4k": 3.0}  # of the price at 720p; source: the API's page on credits
Kind = Tuple["str | None", "str | None"]  # template and resolution


class CreditLimit:
    """Counts credits, including those reserved for creates in flight."""

    def __init__(self, limit: float | None, spent: int) -> None:
        self._limit = limit
        self._spent = spent
        self._reserved = 0
        self._listed: Dict[str, int] = {}
        self._charged: Dict[Kind, int] = {}

    @property
    def is_limited(self) -> bool:
        """Whether there is a limit, so that prices must be known."""
        return self._limit is not None

    def learn(self, template_id: str, price: int) -> None:
        """Record the listed price of a template, which is the one at 720p."""
        self._listed[template_id] = price

    @contextmanager
    def reserve(self, template_id: str | None, resolution: str | None) -> Generator[None, None, None]:
        """
        Reserve the probable price of a video while it is created.

        Raises:
            InsufficientCreditsError: The price is above the credits that are left.
        """
        price = self._estimate((template_id, resolution))
        if self._limit is not None and self._spent + self._reserved + price > self._limit:
            raise InsufficientCreditsError(
                f"The next video costs {price} credits, and {self._spent + self._reserved} of "
                f"max_credits={self._limit:g} are spent. Nothing more is submitted; raise max_credits to continue.",
                metadata={
                    "credits_required": price,
                    "credits_available": self._limit - self._spent - self._reserved,
                },
            )
        self._reserved += price
        try:
            yield
        finally:
            self._reserved -= price

    def spend(self, template_id: str | None, resolution: str | None, charged: int) -> None:
        """Record the charge of a video. It also corrects the estimate: the multipliers can be out of date."""
        self._spent += charged
        kind = (template_id, resolution)
        self._charged[kind] = max(charged, self._charged.get(kind, 0))

    def refund(self, charged: int) -> None:
        """Record the refund of a failed render."""
        self._spent -= charged

    def _estimate(self, kind: Kind) -> int:
        template_id, resolution = kind
        # A variant's template is unknown, so the highest listed price is assumed: the limit is to hold.
        listed = self._listed.get(template_id or "", max(self._listed.values(), default=0))
        return max(math.ceil(listed * MULTIPLIERS.get(resolution or "", 1.0)), self._charged.get(kind, 0))
