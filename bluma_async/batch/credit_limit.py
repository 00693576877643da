"""
The limit on credits, and the probable price of the next video.

Rule 1: a create counts from before it is sent: its probable price is held until its charge is known, or until the
server has certainly refused it. A create in doubt may be billed, so its price stays held.
Rule 2: under a limit, nothing is submitted whose price cannot be known.
Rule 3: processes that share a store have one limit, which the store has and checks; here only the price is computed
then. The limit is read from the store before a price: another process may have set it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Dict, Mapping

from bluma_async._wire.prices import build_price_key, compute_price
from bluma_async.errors import InsufficientCreditsError

if TYPE_CHECKING:
    from bluma_async._wire.prices import PriceKey

__all__ = ["CreditLimit", "build_limit_error"]


class CreditLimit:
    """Counts credits, including those held for creates without a known charge."""

    def __init__(self, limit: float | None, spent: int, *, is_shared: bool = False) -> None:
        self._limit = limit
        self._is_shared = is_shared
        self._spent = spent
        self._held: Dict[int, int | None] = {}  # by place of the job; None: its price is unknown
        self._listed: Dict[str, int | None] = {}  # by template
        self._lists_all = False  # whether the prices of all templates were read
        self._charged: Dict[PriceKey, int] = {}  # those of variants together

    @property
    def limit(self) -> float | None:
        """The limit in credits; None if there is none, as far as this process knows."""
        return self._limit

    @property
    def is_limited(self) -> bool:
        """Whether there is a limit, so that prices must be known."""
        return self._limit is not None

    @property
    def left(self) -> float | None:
        """
        The credits that the next create may cost: the limit without those spent and held; None without a limit here.

        0 if the price of a create in doubt is unknown, because nothing is submitted then.
        """
        if self._limit is None or self._is_shared:
            return None
        used = self._count_used()
        return 0 if used is None else max(self._limit - used, 0)

    def agree(self, limit: float | None) -> None:
        """Record the limit that the processes of a shared store have agreed on; None if there is none."""
        self._limit = limit

    def learn(self, template_id: str, price: int | None) -> None:
        """Record the listed price of a template, which is the one at 720p; None if the API lists none."""
        self._listed[template_id] = price

    def learn_all(self, prices: Mapping[str, int | None]) -> None:
        """Record the prices of all templates: the highest one is assumed for variants, whose template is unknown."""
        self._listed.update(prices)
        self._lists_all = True

    def estimate(self, template_id: str | None, resolution: str | None) -> int | None:
        """Return the probable price of a video; None if it cannot be known."""
        listed = self._find_highest() if template_id is None else self._listed.get(template_id)
        charged = self._charged.get(build_price_key(template_id, None, resolution))
        if listed is None:
            return charged if template_id is not None else None
        return max(compute_price(listed, resolution), charged or 0)

    def hold(self, place: int, template_id: str | None, resolution: str | None) -> None:
        """
        Hold the probable price of a video that is about to be created.

        Raises:
            InsufficientCreditsError: The price is above the credits that are left, or it cannot be known.
        """
        price = self.estimate(template_id, resolution)
        if self._limit is not None:
            self._require(price, self._limit)
        self._held[place] = price

    def hold_open(self, place: int, template_id: str | None, resolution: str | None) -> None:
        """Hold the probable price of a create of an earlier run that may be billed, even beyond the limit."""
        self._held[place] = self.estimate(template_id, resolution)

    def release(self, place: int) -> None:
        """Release the price of a create that was certainly refused."""
        self._held.pop(place, None)

    def spend(self, place: int, template_id: str | None, resolution: str | None, charged: int) -> int:
        """
        Record the charge of a video, and return it. If the answer has none (0), it is the estimate.

        A charge corrects later estimates: the multipliers can be out of date.
        """
        self.release(place)
        if charged:
            key = build_price_key(template_id, None, resolution)
            self._charged[key] = max(charged, self._charged.get(key, 0))
        spent = charged or self.estimate(template_id, resolution) or 0
        self._spent += spent
        return spent

    def hold_again(self, place: int, template_id: str | None, resolution: str | None, charged: int) -> None:
        """Take back the charge of a video that is another create's, and hold the price of this one, which is open."""
        self._spent -= charged
        self.hold_open(place, template_id, resolution)

    def correct(self, before: int, after: int) -> None:
        """Record that a charge was read again, and is another one."""
        self._spent += after - before

    def refund(self, charged: int) -> None:
        """Record the refund of a failed render."""
        self._spent -= charged

    def _find_highest(self) -> int | None:
        known = [price for price in self._listed.values() if price is not None]
        return max(known, default=None) if self._lists_all and len(known) == len(self._listed) else None

    def _count_used(self) -> int | None:
        """Return the credits that are spent or held; None if a price that is held is unknown."""
        held = [entry for entry in self._held.values() if entry is not None]
        return self._spent + sum(held) if len(held) == len(self._held) else None

    def _require(self, price: int | None, limit: float) -> None:
        if self._is_shared and price is not None:
            return
        used = self._count_used()
        if price is None and self._is_shared:
            raise _build_price_error(limit)
        if price is None or used is None:
            raise InsufficientCreditsError(
                f"The price of {'the next video' if price is None else 'a create in doubt'} cannot be known: the API "
                f"lists none. max_credits={limit:g} could be exceeded, so nothing more is submitted; leave max_credits "
                "out to continue."
            )
        if used + price > limit:
            raise build_limit_error(price, used, limit)


def build_limit_error(price: int | None, used: int, limit: float | None) -> InsufficientCreditsError:
    """Return the error for a video whose price is above the credits that are left, or is unknown in a shared store."""
    if price is None:
        return _build_price_error(limit)
    named = _name_limit(limit)
    left = None if limit is None else limit - used
    return InsufficientCreditsError(
        f"The next video costs {price} credits, and {used} of {named} are spent. Nothing more is submitted; raise "
        "max_credits to continue.",
        metadata={"credits_required": price, "credits_available": left},
    )


def _build_price_error(limit: float | None) -> InsufficientCreditsError:
    """Return the error for a video without a known price, under the limit of a shared store: it cannot be left out."""
    return InsufficientCreditsError(
        "The price of the next video cannot be known: the API lists none, or it was not read yet. "
        f"It is not submitted, because it could exceed {_name_limit(limit)}."
    )


def _name_limit(limit: float | None) -> str:
    return "the max_credits of this journal" if limit is None else f"max_credits={limit:g}"
