"""Faults that Cruelty injects at random: creates whose answers are lost, and lists that cannot be read."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Dict

from bluma_async.sandbox.fault_tables import LIST_FAILURES, LOST_CREATES
from bluma_async.sandbox.faults import Fault

if TYPE_CHECKING:
    from bluma_async.sandbox.cruelty import CurrentCruelty

__all__ = ["RandomFaults"]

CREATE = "POST /videos"
LISTS = frozenset(("GET /videos", "GET /credits/history"))


class RandomFaults:
    """Draws the fault of a request, reproducibly for one seed and one order of requests."""

    def __init__(self, cruelty: CurrentCruelty) -> None:
        self._cruelty = cruelty
        self._dice: Dict[str, random.Random] = {}
        self._seed = 0

    def draw(self, route: str) -> Fault | None:
        """Return a fault for a request to a route, or None."""
        cruelty = self._cruelty.value
        if route == CREATE:
            share, kinds, table = cruelty.lost_creates, cruelty.lost_create_kinds, LOST_CREATES
        elif route in LISTS:
            share, kinds, table = cruelty.list_failures, cruelty.list_failure_kinds, LIST_FAILURES
        else:
            return None
        dice = self._find_dice(route)
        if not share or dice.random() >= share:
            return None
        return Fault(route=route, **table[dice.choice(kinds)])

    def _find_dice(self, route: str) -> random.Random:
        """Return the route's own random numbers: how often lists are read does not change which creates are lost."""
        seed = self._cruelty.value.seed
        if seed != self._seed:
            self._dice, self._seed = {}, seed
        return self._dice.setdefault(route, random.Random(f"{route} {seed}"))  # noqa: S311 - reproducible on purpose
