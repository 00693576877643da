"""Times as they come over the wire."""

from __future__ import annotations

import re
import sys
from datetime import datetime, timedelta, timezone

__all__ = ["read_datetime", "read_http_date"]

READS_Z = sys.version_info >= (3, 11)  # before, the standard library knew no "Z"

ISO_8601 = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?\s*(?:(Z)|([+-])(\d\d):?(\d\d)?)?$",
    re.IGNORECASE,
)


def read_datetime(raw: object) -> datetime:
    """Read an ISO 8601 time; without an offset it is in UTC."""
    if isinstance(raw, str) and len(raw) == 20 and raw[10] == "T" and raw[19] == "Z":  # the API's own form, quickly
        return datetime.fromisoformat(raw) if READS_Z else datetime.fromisoformat(raw[:19]).replace(tzinfo=timezone.utc)
    match = ISO_8601.match(raw) if isinstance(raw, str) else None
    if match is None:
        raise ValueError(f"{raw!r} is no ISO 8601 time")
    *parts, fraction, _, sign, hours, minutes = match.groups(default="0")
    offset = timedelta(hours=int(hours), minutes=int(minutes)) * (-1 if sign == "-" else 1)
    microsecond = int(fraction.ljust(6, "0")[:6])
    year, month, day, hour, minute, second = map(int, parts)
    local = datetime(year, month, day, hour, minute, second, microsecond, timezone.utc)
    return local - offset


def read_http_date(text: str | None) -> datetime | None:
    """Read an HTTP date; None when it is missing or no date."""
    from email.utils import parsedate_to_datetime  # noqa: PLC0415 - half of this package's import time, rarely needed

    try:
        date = parsedate_to_datetime(text or "")
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    return date if date.tzinfo else None
