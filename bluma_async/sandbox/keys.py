"""
API keys: their scopes, their rotation, and their rate limits.

The window of a rate limit slides: every request counts against the limit for one hour, a refused one too, because
reference 2.5 counts every call, successful or not. So a client that goes on sending faster than its limit stays
refused; one that waits for Retry-After is served. Secrets are stored as hashes.
"""

from __future__ import annotations

import hashlib
import math
import secrets
from collections import deque
from typing import TYPE_CHECKING, Deque, Dict, List, Mapping, Optional, Tuple

from bluma_async.sandbox.api_errors import ApiError

if TYPE_CHECKING:
    from bluma_async.sandbox.clock import Clock
    from bluma_async.sandbox.tables import Row, Table

__all__ = ["PREFIXES", "SCOPES", "SESSION_TOKEN", "TIERS", "Keys", "RateLimits", "classify_key"]

SCOPES = (
    "videos:create",
    "videos:read",
    "videos:download",
    "templates:list",
    "templates:read",
    "credits:read",
    "webhooks:manage",
    "usage:read",
)
TIERS: Mapping[str, int] = {"free": 100, "starter": 1_000, "pro": 5_000, "enterprise": 50_000}
PREFIXES: Mapping[str, str] = {"test": "bluma_test_", "production": "bluma_live_"}
SESSION_TOKEN = "session_sandbox"  # noqa: S105 - stands for a dashboard session; public on purpose
HOUR = 3600.0
ROTATION_GRACE = 30 * 24 * HOUR
PREFIX_LENGTH = 20  # characters of a secret that are shown


class Keys:
    """All keys of the account."""

    def __init__(self, table: Table, clock: Clock) -> None:
        self._table = table
        self._clock = clock

    def seed(self, secret: str, name: str, environment: str, limit: int) -> None:
        """Add a key with a given secret, unless it exists."""
        identifier = f"key_{_hash(secret)[:12]}"
        if self._table.find(identifier) is None:
            self._add(identifier, secret, name, environment, limit)

    def create(self, name: str, environment: str, limit: int) -> Tuple[Row, str]:
        """Create a key, and return it with its secret."""
        secret = _make_secret(environment)
        return self._add(f"key_{secrets.token_hex(6)}", secret, name, environment, limit), secret

    def rotate(self, identifier: str) -> Tuple[Row, str]:
        """Give a key a new secret; the old secret works for 30 more days."""
        row = self._table.need(identifier)
        secret = _make_secret(row["environment"])
        row["old"] = [*row["old"], [row["hash"], self._clock.time() + ROTATION_GRACE]]
        row["hash"], row["prefix"] = _hash(secret), secret[:PREFIX_LENGTH]
        return self._table.put(row), secret

    def revoke(self, identifier: str) -> None:
        """Revoke a key and its older secrets, at once."""
        row = self._table.need(identifier)
        row["is_active"] = False
        self._table.put(row)

    def find(self, secret: str) -> Row | None:
        """Return the active key with this secret, or None."""
        wanted, now = _hash(secret), self._clock.time()
        for row in self._table:
            hashes = [row["hash"], *(old for old, until in row["old"] if until > now)]
            if row["is_active"] and wanted in hashes:
                return row
        return None

    def mark_used(self, row: Row) -> None:
        """Record that a key was used at this moment."""
        row["last_used"] = self._clock.time()

    def save(self) -> None:
        """Store when each key was last used, which is not stored at each use."""
        for row in self._table:
            self._table.put(row)

    def all(self) -> List[Row]:
        """Return all keys, revoked ones too."""
        return list(self._table)

    def _add(self, identifier: str, secret: str, name: str, environment: str, limit: int) -> Row:
        row: Row = {
            "id": identifier,
            "hash": _hash(secret),
            "old": [],
            "prefix": secret[:PREFIX_LENGTH],
            "name": name,
            "environment": environment,
            "scopes": list(SCOPES),
            "limit": limit,
            "is_active": True,
            "created": self._clock.time(),
            "last_used": None,
        }
        return self._table.put(row)


class RateLimits:
    """
    The newest requests of each key within the last hour, at most as many as its limit.

    Older ones have no meaning: a request is served if, and only if, fewer than the limit came within the last hour.
    """

    def __init__(self, table: Table, clock: Clock) -> None:
        self._table = table
        self._clock = clock
        self._uses: Dict[str, Deque[float]] = {row["id"]: deque(row["times"]) for row in table}

    def count_request(self, key: Row) -> Dict[str, str]:
        """
        Count a request, and return the rate-limit headers of its answer.

        Raises:
            ApiError: The limit is reached: a 429, with these headers and Retry-After. The request is counted too.
        """
        now, limit = self._clock.time(), int(key["limit"])
        uses = self._uses.setdefault(str(key["id"]), deque())
        while uses and uses[0] <= now - HOUR:
            uses.popleft()
        used = len(uses)
        uses.append(now)
        if used >= limit:
            uses.popleft()
        free_at = (uses[0] if uses else now) + HOUR
        headers = _make_headers(limit, max(limit - used - 1, 0), free_at)
        if used >= limit:
            raise _limit_exceeded(limit, used, max(math.ceil(free_at - now), 1), headers)
        return headers

    def save(self) -> None:
        """Store the requests of the last hour; at the end only, because a row for each request would cost much."""
        since = self._clock.time() - HOUR
        for identifier, uses in self._uses.items():
            self._table.put({"id": identifier, "times": [at for at in uses if at > since]})

    def count_used(self, key: Row) -> int:
        """Return the requests of a key within the last hour."""
        since = self._clock.time() - HOUR
        return sum(at > since for at in self._uses.get(str(key["id"]), ()))


def _make_headers(limit: int, remaining: int, reset: float) -> Dict[str, str]:
    return {
        "X-RateLimit-Limit": str(limit),
        "X-RateLimit-Remaining": str(remaining),
        "X-RateLimit-Reset": str(math.ceil(reset)),
    }


def _limit_exceeded(limit: int, used: int, wait: int, headers: Mapping[str, str]) -> ApiError:
    return ApiError(
        429,
        f"You have exceeded the rate limit of {limit:,} requests per hour.",
        metadata={"limit": limit, "retry_after": wait, "current_usage": used},
        headers={**headers, "Retry-After": str(wait)},
    )


def _make_secret(environment: str) -> str:
    return PREFIXES[environment] + secrets.token_hex(16)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()


def classify_key(key: Optional[Row]) -> Optional[str]:
    """Return `test` or `live` for a key; None without a key."""
    return None if key is None else "test" if key["environment"] == "test" else "live"
