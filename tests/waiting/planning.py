"""Entries, waiters and budgets to plan with."""

from __future__ import annotations

import contextvars
from typing import Any, Dict, List, Sequence

from bluma_async._wire.budget import RateLimit
from bluma_async.waiting.contact import Contact
from bluma_async.waiting.entries import Entry, Poll, Waiter
from bluma_async.waiting.pace import Pace

NOW = 1000.0
LATER = NOW + 600
FREE = Pace()
NO_FUTURE: Any = None  # plans never touch it


def waiter(
    ends: float = LATER,
    interval: float = 5.0,
    *,
    is_busy: bool = False,
    wants_progress: bool = False,
    source: Any = "a copy",
    began: float = NOW,
) -> Waiter:
    """Return a wait, which begins now and has been reached."""
    context, contact = contextvars.Context(), Contact(began, is_reached=True)
    statuses = frozenset({"cancelled"})
    how = (source, interval, 600.0, ends, wants_progress, False, statuses, context, NO_FUTURE, contact)
    return Waiter(*how, is_busy=is_busy)


def in_flight(began: float, source: Any = "a copy") -> Poll:
    """Return a request in flight that was sent for another wait, of the same or of another copy of the client."""
    return Poll(waiter(source=source), began)


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
