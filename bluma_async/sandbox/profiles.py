"""
Profiles: settings of Cruelty that are drawn at random from a seed.

The bounds are those within which the SDK promises one bill for each create. `SETTLE_TIME` is the client's default: a
create that is not visible after it counts as not accepted.
"""

from __future__ import annotations

import random
from typing import Any, Dict, Optional

from bluma_async.sandbox.cruelty import Cruelty
from bluma_async.sandbox.luma.quirks import VAPI_QUIRKS

__all__ = ["PROFILES", "draw_cruelty"]

PROFILES = ("cruel",)
SETTLE_TIME = 30.0  # seconds
LONGEST_LAG = 0.95 * SETTLE_TIME  # seconds; commit_delay and list_lag together
LARGEST_SKEW = 55.0  # seconds
LONGEST_READ_LAG = 59.0  # seconds; a wait tolerates a 404 for 60 s
USED = 0.6  # the probability that a drawn cruelty has a setting


def draw_cruelty(seed: int, **fixed: Any) -> Cruelty:
    """
    Return random settings; the same seed draws the same settings.

    Args:
        seed: Any whole number; it also seeds the choices that these settings leave open.
        **fixed: Settings that are not drawn. They may exceed the bounds.

    Raises:
        ValueError: A fixed setting does not exist, or its value is invalid.
    """
    dice = random.Random(f"cruel {seed}")  # noqa: S311 - reproducible on purpose
    lag = _draw_below(dice, LONGEST_LAG)
    commit_delay = _draw_below(dice, lag)
    drawn: Dict[str, Any] = {
        "commit_delay": commit_delay,
        "list_lag": _round_down(lag - commit_delay),
        "read_lag": _draw_below(dice, LONGEST_READ_LAG),
        "created_at": dice.choice(("commit", "arrival")),
        "date_ahead": _draw_skew(dice),
        "no_credits_charged": dice.random() < USED,
        "list_failures": _draw_below(dice, 0.5, digits=2),
        "retry_after_zero": dice.random() < USED,
        "page_cap": dice.randint(1, 50),
        "unordered_lists": dice.random() < USED / 2,
        "idle_close": dice.randint(1, 30),
        "lost_creates": _draw_below(dice, 0.5, digits=2),
        "strangers": _draw_below(dice, 12.0),
    }
    # From a generator of its own: the settings that a seed drew before this one existed stay as they were.
    others = random.Random(f"quirks {seed}")  # noqa: S311 - reproducible on purpose
    quirks = tuple(quirk for quirk in VAPI_QUIRKS if others.random() < USED)
    # All draws come before this line, so that a seed keeps its other values when one setting is left out or fixed.
    used = {name: value for name, value in drawn.items() if dice.random() < USED}
    return Cruelty(seed=seed).change(**{**used, "vapi_quirks": quirks, **fixed})


def _draw_skew(dice: random.Random) -> Optional[float]:
    skew = _round_down(dice.uniform(-LARGEST_SKEW, LARGEST_SKEW))
    return None if dice.random() < 0.1 else skew


def _draw_below(dice: random.Random, highest: float, *, digits: int = 1) -> float:
    return _round_down(dice.uniform(0, highest), digits)


def _round_down(value: float, digits: int = 1) -> float:
    """Return a number with few digits, towards zero, so that it stays within its bounds."""
    scale = 10.0**digits
    return int(value * scale) / scale
