"""
Compute the probable price of a video from the price that the API lists for its template.

The API lists one price for each template. Its page on credits multiplies it: 720p 1.0, 1080p 1.5, 4K 3.0, rounded up;
the samples of the documents agree (2 credits, and 6 at 4k). No price is known here.

Rule: prices and charges are found by a `PriceKey`, so that the default resolution and no resolution have one price.
"""

from __future__ import annotations

import math
from typing import Mapping, NamedTuple, Optional

__all__ = ["PriceKey", "build_price_key", "compute_price", "drop_default_resolution"]

DEFAULT_RESOLUTION = "720p"  # of a create that names none; the listed price is that of this one
MULTIPLIERS: Mapping[str, float] = {"720p": 1.0, "1080p": 1.5, "4k": 3.0}
HIGHEST = max(MULTIPLIERS.values())


class PriceKey(NamedTuple):
    """The facts that decide the price of a video. Make it by `build_price_key`."""

    template_id: Optional[str]
    variant_id: Optional[str]
    resolution: Optional[str]


def build_price_key(template_id: str | None, variant_id: str | None, resolution: str | None) -> PriceKey:
    """Return the key of a price; its resolution is None for the default one."""
    return PriceKey(template_id, variant_id, drop_default_resolution(resolution))


def drop_default_resolution(resolution: str | None) -> str | None:
    """Return a resolution; None for the default one, which is the same as none."""
    return None if resolution == DEFAULT_RESOLUTION else resolution


def compute_price(listed: int, resolution: str | None) -> int:
    """Return the price in credits at a resolution; None is the default one. An unknown one costs the highest price."""
    return math.ceil(listed * MULTIPLIERS.get(resolution or DEFAULT_RESOLUTION, HIGHEST))
