"""
Compute the probable price of a video from the price that the API lists for its template.

The API lists one price for each template. Its page on credits multiplies it: 720p 1.0, 1080p 1.5, 4K 3.0, rounded up;
the samples of the documents agree (2 credits, and 6 at 4k). No price is known here.
"""

from __future__ import annotations

import math
from typing import Mapping

__all__ = ["DEFAULT_RESOLUTION", "compute_price"]

DEFAULT_RESOLUTION = "720p"  # of a create that names none; the listed price is that of this one
MULTIPLIERS: Mapping[str, float] = {"720p": 1.0, "1080p": 1.5, "4k": 3.0}
HIGHEST = max(MULTIPLIERS.values())


def compute_price(listed: int, resolution: str | None) -> int:
    """Return the price in credits at a resolution; None is the default one. An unknown one costs the highest price."""
    return math.ceil(listed * MULTIPLIERS.get(resolution or DEFAULT_RESOLUTION, HIGHEST))
