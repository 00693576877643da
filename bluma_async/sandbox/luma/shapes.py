"""Aspect ratios: those that each provider takes, and the size of the picture. The shorter side has 720 pixels."""

from __future__ import annotations

from typing import Sequence, Tuple

__all__ = ["DEFAULT_RATIO", "UMAMI_RATIOS", "VAPI_RATIOS", "find_size"]

DEFAULT_RATIO = "16:9"  # no provider documents one; the samples of all use this
VAPI_RATIOS: Sequence[str] = ("1:1", "4:3", "3:4", "16:9", "9:16")  # V-API page
UMAMI_RATIOS: Sequence[str] = (*VAPI_RATIOS, "21:9", "9:21")  # family; the UmamiAI page names none
SHORTER_SIDE = 720


def find_size(ratio: str) -> Tuple[int, int]:
    """Return the width and height, both even, of a ratio such as 16:9."""
    across, down = map(int, ratio.split(":"))
    shorter = min(across, down)
    return SHORTER_SIDE * across // shorter // 2 * 2, SHORTER_SIDE * down // shorter // 2 * 2
