"""Entries, waiters and budgets to plan with."""

from __future__ import annotations

import contextvars
from typing import Any, Dict, List, Sequence

from bluma_async._wire.budget import RateLimit
from bluma_async.waiting.entries import Entry, Waiter
from bluma_async.waiting.pace import Pace

NOW = 1000.0
LATER = NOW + 600
FREE = Pace()
NO_FUTURE: Any = None  # plans never touch it


def waiter(
    ends: float = LATER, interval: float = 5.0, *, is_busy: bool = False, wants_progress: bool = False
) -> Waiter:
    """Return a wait."""
    return Waiter(interval, 600.0, ends, wants_progress, contextvars.Context(), NO_FUTURE, is_busy=is_busy)


def entry(name: str, *waiters: Waiter, due: float = NOW, **fields: Any) -> Entry:
    """Return a job that is due now, with a usual waiter unless others are given."""
    return Entry(name, due, waiters or (waiter(),), **fields)


def many(count: int, **fields: Any) -> List[Entry]:
    """Return so many jobs that are alike."""
    return [entry(f"j{number}", **fields) for number in range(count)]


def budget(remaining: int, *, limit: int = 1000, reset_after: float = 3600.0) -> Pace:
    """Return the pace of a budget that was reported just now."""
    return Pace(RateLimit(limit=limit, remaining=remaining, reset_after=reset_after))


def ids(groups: Sequence[Sequence[Entry]]) -> List[str]:
    """Return the ids of each request, joined."""
    return [" ".join(each.job_id for each in group) for group in groups]


def turns(postponed: Sequence[Any]) -> Dict[str, float]:
    """Return when each postponed job is due again, in seconds from now."""
    return {each.job_id: moment - NOW for each, moment in postponed}
