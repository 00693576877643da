"""
The rows of a list: those that have an id are kept, and the others counted.

Rule 1: one odd row must not hide the other videos, for which somebody waits.
Rule 2: a row that was left out does not prove that its object does not exist. Code that needs such a proof reads the
count, or the raw rows, as the search for a lost create does.
"""

from __future__ import annotations

import math
from typing import List, Tuple, cast

__all__ = ["keep_rows"]


def keep_rows(rows: List[object]) -> Tuple[List[object], int]:
    """
    Return the rows that have a readable id, and the number of the others.

    Raises:
        TypeError: There are rows, but none has an id: this is no list of such objects.
    """
    kept = [row for row in rows if _has_id(row)]
    if rows and not kept:
        raise TypeError("no row of the list has an id")
    return kept, len(rows) - len(kept)


def _has_id(row: object) -> bool:
    value = cast("dict[str, object]", row).get("id") if isinstance(row, dict) else None
    if isinstance(value, str):
        return bool(value.strip())
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
