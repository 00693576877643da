"""The view that clients have of the videos and the ledger: under Cruelty it lags, is capped, and is out of order."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any, Dict, Iterable, List

from bluma_async.sandbox.api_errors import not_found

if TYPE_CHECKING:
    from bluma_async.sandbox.cruelty import Cruelty
    from bluma_async.sandbox.tables import Row

__all__ = ["cap_page", "hide_price", "order_list", "require_readable", "rewind_transactions", "rewind_videos"]


def rewind_videos(rows: Iterable[Row], then: float) -> List[Row]:
    """Return the videos that existed at a time, as they were at that time."""
    return [_rewind(row, then) for row in rows if row["committed"] <= then]


def rewind_transactions(rows: Iterable[Row], then: float) -> List[Row]:
    """Return the transactions that existed at a time."""
    return [row for row in rows if row["created"] <= then]


def order_list(rows: List[Row], cruelty: Cruelty) -> List[Row]:
    """Return the rows in the order of a list; under `unordered_lists`, in one that stays the same on every page."""
    if not cruelty.unordered_lists:
        return rows
    return sorted(rows, key=lambda row: zlib.crc32(f"{cruelty.seed} {row['id']}".encode()))


def cap_page(limit: int, cruelty: Cruelty) -> int:
    """Return the number of rows on a page."""
    return limit if cruelty.page_cap is None else min(limit, cruelty.page_cap)


def require_readable(row: Row, now: float, cruelty: Cruelty) -> Row:
    """Return a video, or raise a 404 while reads lag behind its commit."""
    if now < row["committed"] + cruelty.read_lag:
        raise not_found("video", row["id"])
    return row


def hide_price(view: Dict[str, Any], cruelty: Cruelty) -> Dict[str, Any]:
    """Return a view of a video, without `credits_charged` if Cruelty demands it."""
    if cruelty.no_credits_charged:
        view.pop("credits_charged", None)
    return view


def _rewind(row: Row, then: float) -> Row:
    if row["completed"] is None or row["completed"] <= then:
        return row
    return {**row, "completed": None}
