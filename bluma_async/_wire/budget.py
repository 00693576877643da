"""Read the rate-limit headers, and compute how fast requests may follow each other."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

import attrs

from bluma_async._wire.times import read_http_date

if TYPE_CHECKING:
    from typing import Mapping

__all__ = ["RateLimit", "read_rate_limit"]


@attrs.frozen(kw_only=True)
class RateLimit:
    """
    The key's budget of requests, as the last answer reported it.

    Attributes:
        limit: Requests allowed in an hour.
        remaining: Requests that are left.
        reset_at: The moment of the reset, in UTC.
        reset_after: Seconds from the answer to `reset_at`, by the server's clock; None if the answer had no date.
    """

    limit: int
    remaining: int
    reset_at: datetime | None = None
    reset_after: float | None = None

    def interval(self) -> float:
        """Return the seconds between requests that make the remaining ones last until the reset; 0 if it is unknown."""
        if self.reset_after is None:
            return 0.0
        return self.reset_after / max(self.remaining, 1)


def read_rate_limit(headers: Mapping[str, str]) -> RateLimit | None:
    """Read `X-RateLimit-Limit`, `-Remaining` and `-Reset` (Unix seconds); None without the first two."""
    limit, remaining = (_count(headers.get(f"x-ratelimit-{name}")) for name in ("limit", "remaining"))
    if limit is None or remaining is None:
        return None
    reset_at = _moment(headers.get("x-ratelimit-reset"))
    date = read_http_date(headers.get("date"))
    after = max((reset_at - date).total_seconds(), 0.0) if reset_at and date else None
    return RateLimit(limit=limit, remaining=remaining, reset_at=reset_at, reset_after=after)


def _count(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 16 else None


def _moment(text: str | None) -> datetime | None:
    seconds = _count(text)
    try:
        return None if seconds is None else datetime.fromtimestamp(seconds, timezone.utc)
    except (ValueError, OverflowError, OSError):
        return None
