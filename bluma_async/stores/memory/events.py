"""Remember webhook events in memory."""

from __future__ import annotations

import threading
import time
from typing import Callable, Dict, List, Sequence

__all__ = ["MemoryStore"]


class MemoryStore:
    """Remembers the newest events, as long as the process lives."""

    def __init__(self, most: int = 100_000, *, lease: float = 120.0, now: Callable[[], float] = time.monotonic) -> None:
        """
        Set up a store.

        Args:
            most: Ids to remember; the oldest are forgotten first.
            lease: Seconds after which an event that was claimed, and neither renewed nor finished, can be claimed
                again: the event loop that handled it has been closed.
            now: Returns the present time in seconds; another one for tests.
        """
        self._most = most
        self._lease = lease
        self._now = now
        self._claims: Dict[str, float | None] = {}  # when each event was claimed; None if it is finished
        self._lock = threading.Lock()

    @property
    def lease(self) -> float:
        """Seconds after which a claim ends that was neither renewed nor finished."""
        return self._lease

    def claim(self, event_id: str, body: bytes) -> bool:  # noqa: ARG002 - it is not kept: a crash loses it anyway
        """Record an event if it is new, or its claim has ended; return whether it is."""
        with self._lock:
            now = self._now()
            if event_id in self._claims:
                claimed_at = self._claims[event_id]
                if claimed_at is None or now - claimed_at < self._lease:
                    return False
            self._claims[event_id] = now
            if len(self._claims) > self._most:
                del self._claims[next(iter(self._claims))]
            return True

    def renew(self, event_ids: Sequence[str]) -> None:
        """Prolong the claims of events that are not finished."""
        with self._lock:
            now = self._now()
            self._claims.update({name: now for name in event_ids if self._claims.get(name) is not None})

    def is_finished(self, event_id: str) -> bool:
        """Return whether an event was handled."""
        with self._lock:
            return self._claims.get(event_id, 0.0) is None

    def finish(self, event_id: str) -> None:
        """Record that an event was handled."""
        with self._lock:
            if event_id in self._claims:
                self._claims[event_id] = None

    def unfinished(self) -> List[bytes]:
        """Return nothing: after a crash there is no store to ask."""
        return []
