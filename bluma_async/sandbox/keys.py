"""
API keys: what they may do, and how often.

The window of a rate limit slides: what counts is the last hour, at any moment. Secrets are kept as hashes.
"""

from __future__ import annotations

import hashlib
import math
import secrets
from collections import deque
from typing import TYPE_CHECKING, Deque, Dict, List, Mapping, Optional, Tuple

from bluma_async.sandbox.problems import Problem

if TYPE_CHECKING:
    from bluma_async.sandbox.clock import Clock
    from bluma_async.sandbox.tables import Row, Table

__all__ = ["SCOPES", "SESSION_TOKEN", "TIERS", "Keys", "Windows", "kind_of"]

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
SESSION_TOKEN = "session_sandbox"  # noqa: S105 - stands for a dashboard login, and protects nothing
HOUR = 3600.0
ROTATION_GRACE = 30 * 24 * HOUR
SHOWN = 20


class Keys:
    """All keys of the sandbox's one account."""

    def __init__(self, table: Table, clock: Clock) -> None:
        self._table = table
        self._clock = clock

    def seed(self, secret: str, name: str, environment: str, limit: int) -> None:
        """Have a key that is known beforehand."""
        identifier = f"key_{_hash(secret)[:12]}"
        if self._table.find(identifier) is None:
            self._add(identifier, secret, name, environment, limit)

    def create(self, name: str, environment: str, limit: int) -> Tuple[Row, str]:
        """Make a key, and return it with its secret."""
        secret = _new_secret(environment)
        return self._add(f"key_{secrets.token_hex(6)}", secret, name, environment, limit), secret

    def rotate(self, identifier: str) -> Tuple[Row, str]:
        """Give a key a new secret; the old one works for 30 more days."""
        row = self._table.need(identifier)
        secret = _new_secret(row["environment"])
        row["old"] = [*row["old"], [row["hash"], self._clock.time() + ROTATION_GRACE]]
        row["hash"], row["prefix"] = _hash(secret), secret[:SHOWN]
        return self._table.put(row), secret

    def revoke(self, identifier: str) -> None:
        """End a key, and its older secrets, at once."""
        row = self._table.need(identifier)
        row["is_active"] = False
        self._table.put(row)

    def find(self, secret: str) -> Row | None:
        """Return the active key with this secret."""
        wanted, now = _hash(secret), self._clock.time()
        for row in self._table:
            hashes = [row["hash"], *(old for old, until in row["old"] if until > now)]
            if row["is_active"] and wanted in hashes:
                return row
        return None

    def used(self, row: Row) -> None:
        """Note that a key was used just now."""
        row["last_used"] = self._clock.time()

    def all(self) -> List[Row]:
        """Return all keys, revoked ones too."""
        return list(self._table)

    def need(self, identifier: str) -> Row:
        """Return a key by its id, or raise a 404."""
        return self._table.need(identifier)

    def _add(self, identifier: str, secret: str, name: str, environment: str, limit: int) -> Row:
        row: Row = {
            "id": identifier,
            "hash": _hash(secret),
            "old": [],
            "prefix": secret[:SHOWN],
            "name": name,
            "environment": environment,
            "scopes": list(SCOPES),
            "limit": limit,
            "is_active": True,
            "created": self._clock.time(),
            "last_used": None,
        }
        return self._table.put(row)


class Windows:
    """How often each key was used within the last hour."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._uses: Dict[str, Deque[float]] = {}

    def enter(self, key: Row) -> Dict[str, str]:
        """
        Count a request, and return the headers that tell of the budget.

        Raises:
            Problem: The budget is used up: a 429, with these headers and Retry-After.
        """
        now, limit = self._clock.time(), int(key["limit"])
        uses = self._uses.setdefault(str(key["id"]), deque())
        while uses and uses[0] <= now - HOUR:
            uses.popleft()
        used = len(uses)
        if used < limit:
            uses.append(now)
        headers = _budget(limit, max(limit - used - 1, 0), (uses[0] if uses else now) + HOUR)
        if used >= limit:
            wait = max(math.ceil(uses[0] + HOUR - now), 1) if uses else int(HOUR)
            raise _exhausted(limit, used, wait, headers)
        return headers


def _budget(limit: int, remaining: int, reset: float) -> Dict[str, str]:
    return {
        "X-RateLimit-Limit": str(limit),
        "X-RateLimit-Remaining": str(remaining),
        "X-RateLimit-Reset": str(math.ceil(reset)),
    }


def _exhausted(limit: int, used: int, wait: int, headers: Mapping[str, str]) -> Problem:
    return Problem(
        429,
        f"You have exceeded the rate limit of {limit:,} requests per hour.",
        metadata={"limit": limit, "retry_after": wait, "current_usage": used},
        headers={**headers, "Retry-After": str(wait)},
    )


def _new_secret(environment: str) -> str:
    return PREFIXES[environment] + secrets.token_hex(16)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()


def kind_of(key: Optional[Row]) -> Optional[str]:
    """Return `test` or `live` for a key, None for none."""
    return None if key is None else "test" if key["environment"] == "test" else "live"
