"""Parse the times in JSON."""

from __future__ import annotations

import re
import sys
from datetime import datetime, timedelta, timezone

__all__ = ["read_datetime"]

PARSES_Z = sys.version_info >= (3, 11)  # older versions of `fromisoformat` refuse "Z"

ISO_8601 = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?\s*(?:(Z)|([+-])(\d\d):?(\d\d)?)?$",
    re.IGNORECASE,
)


def read_datetime(raw: object) -> datetime:
    """
    Return an ISO 8601 time in UTC; a time without an offset is in UTC already.

    Raises:
        ValueError: The text is not such a time.
        OverflowError: The time in UTC is before year 1 or after year 9999.
    """
    if isinstance(raw, str) and raw[10:11] == "T" and raw[19:] == "Z":  # the API's usual form; the pattern is slower
        return (
            datetime.fromisoformat(raw) if PARSES_Z else datetime.fromisoformat(raw[:19]).replace(tzinfo=timezone.utc)
        )
    match = ISO_8601.match(raw) if isinstance(raw, str) else None
    if match is None:
        raise ValueError(f"{raw!r} is not an ISO 8601 time")
    *parts, fraction, _, sign, hours, minutes = match.groups(default="0")
    offset = timedelta(hours=int(hours), minutes=int(minutes)) * (-1 if sign == "-" else 1)
    microsecond = int(fraction.ljust(6, "0")[:6])
    year, month, day, hour, minute, second = map(int, parts)
    local = datetime(year, month, day, hour, minute, second, microsecond, timezone.utc)
    return local - offset
