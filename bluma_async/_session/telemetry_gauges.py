"""Measure the gauges of telemetry over all open sessions. The metric reader does this in a thread of its own."""

from __future__ import annotations

import threading
import weakref
from typing import TYPE_CHECKING, Callable, Iterable, List, Mapping, Protocol

if TYPE_CHECKING:
    from bluma_async._session.evidence import CreateEvidence
    from bluma_async._wire.budget import RateLimit

__all__ = ["GAUGES", "Account", "Accounts"]


class Account(Protocol):
    """The facts of a session that gauges read."""

    evidence: CreateEvidence

    @property
    def rate_limit(self) -> RateLimit | None:
        """The budget of the key."""
        ...


class Accounts:
    """The sessions that live. Clients are made in one thread, and gauges are read in another."""

    def __init__(self) -> None:
        self._sessions: weakref.WeakSet[Account] = weakref.WeakSet()
        self._lock = threading.Lock()

    def add(self, session: Account) -> None:
        """Add a session."""
        with self._lock:
            self._sessions.add(session)

    def list(self) -> List[Account]:
        """Return the sessions that live now."""
        with self._lock:
            return list(self._sessions)


def _count_open(sessions: Iterable[Account]) -> int:
    found = {id(session.evidence): session.evidence for session in sessions}
    return sum(len(evidence.open_calls) for evidence in found.values())


def _find_remaining(sessions: Iterable[Account]) -> int | None:
    budgets = [session.rate_limit for session in sessions]
    return min((budget.remaining for budget in budgets if budget is not None), default=None)


GAUGES: Mapping[str, Callable[[Iterable[Account]], int | None]] = {
    "bluma.creates.open": _count_open,
    "bluma.budget.remaining": _find_remaining,
}
