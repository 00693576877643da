"""What may still be spent, and what the next video will probably cost."""

from __future__ import annotations

import math
from contextlib import contextmanager
from typing import Dict, Generator, Tuple

from bluma_async.errors import InsufficientCreditsError

__all__ = ["CreditLimit"]

MULTIPLIERS = {"1080p": 1.5, "4k": 3.0}  # of the price at 720p; documentation of credits
Kind = Tuple["str | None", "str | None"]  # template and resolution


class CreditLimit:
    """Counts credits, those of creates under way included."""

    def __init__(self, most: float | None, spent: int) -> None:
        self._most = most
        self._spent = spent
        self._held = 0
        self._listed: Dict[str, int] = {}
        self._seen: Dict[Kind, int] = {}

    @property
    def is_limited(self) -> bool:
        """Whether prices matter."""
        return self._most is not None

    def learn(self, template_id: str, price: int) -> None:
        """Note what a template's videos cost at 720p."""
        self._listed[template_id] = price

    @contextmanager
    def hold(self, template_id: str | None, resolution: str | None) -> Generator[None, None, None]:
        """
        Keep the price of a video back while it is created.

        Raises:
            InsufficientCreditsError: It is more than is left.
        """
        price = self._price((template_id, resolution))
        if self._most is not None and self._spent + self._held + price > self._most:
            raise InsufficientCreditsError(
                f"The next video costs {price} credits, and {self._spent + self._held} of max_credits={self._most:g} "
                "are spent. Nothing more is submitted; raise max_credits to go on.",
                metadata={"credits_required": price, "credits_available": self._most - self._spent - self._held},
            )
        self._held += price
        try:
            yield
        finally:
            self._held -= price

    def spend(self, template_id: str | None, resolution: str | None, charged: int) -> None:
        """Note what a video did cost."""
        self._spent += charged
        kind = (template_id, resolution)
        self._seen[kind] = max(charged, self._seen.get(kind, 0))

    def give_back(self, charged: int) -> None:
        """Note what a failed render did not cost after all."""
        self._spent -= charged

    def _price(self, kind: Kind) -> int:
        template_id, resolution = kind
        listed = self._listed.get(template_id or "", max(self._listed.values(), default=0))
        return max(math.ceil(listed * MULTIPLIERS.get(resolution or "", 1.0)), self._seen.get(kind, 0))
