"""Remember webhook events in memory."""

from __future__ import annotations

import threading
from typing import Dict, List

__all__ = ["MemoryStore"]


class MemoryStore:
    """Remembers the newest events, as long as the process lives."""

    def __init__(self, most: int = 100_000) -> None:
        """
        Set up a store.

        Args:
            most: Ids to remember; the oldest are forgotten first.
        """
        self._most = most
        self._ids: Dict[str, None] = {}
        self._lock = threading.Lock()

    def claim(self, event_id: str, body: bytes) -> bool:  # noqa: ARG002 - it is not kept: a crash loses it anyway
        """Record an event if it is new; return whether it is."""
        with self._lock:
            if event_id in self._ids:
                return False
            self._ids[event_id] = None
            if len(self._ids) > self._most:
                del self._ids[next(iter(self._ids))]
            return True

    def finish(self, event_id: str) -> None:
        """Do nothing: a claimed event is never handled again."""

    def unfinished(self) -> List[bytes]:
        """Return nothing: after a crash there is no store to ask."""
        return []
