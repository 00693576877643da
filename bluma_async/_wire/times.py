"""Parse the times in HTTP headers; those in JSON are parsed in `types`, because models made by hand take text too."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from bluma_async.types._times import read_datetime

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["read_datetime", "read_http_date"]


@lru_cache(maxsize=64)  # a date is read several times for each answer, and all answers of a second have the same one
def read_http_date(text: str | None) -> datetime | None:
    """Return an HTTP date, or None if it is missing or invalid."""
    from email.utils import parsedate_to_datetime  # noqa: PLC0415 - half of the time to import this package, and rarely needed

    try:
        date = parsedate_to_datetime(text or "")
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    return date if date.tzinfo else None
