"""
Which events came before.

Rule: an event is claimed before its handlers run, and finished when they are through. Who finds it claimed does
nothing. What a crash left unfinished can be handled later, from a store that outlives the process.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Awaitable, Generator, List, Protocol, Union

from bluma_async.stores.sqlite_open import create_once

if TYPE_CHECKING:
    import os

__all__ = ["EventStore", "MemoryStore", "SQLiteStore"]

LOCK_TIMEOUT = 3.0  # seconds to wait for other connections
SCHEMA = (
    "CREATE TABLE events (id TEXT PRIMARY KEY, body BLOB, claimed_at REAL NOT NULL, finished_at REAL) WITHOUT ROWID"
)


class EventStore(Protocol):
    """
    What a store must answer. Its methods may be plain or async; plain ones are called in a thread, and may block.

    What they raise is answered with a 503, so that the event is sent again.
    """

    def claim(self, event_id: str, body: bytes) -> Union[bool, Awaitable[bool]]:
        """Note an event, whole, if it was never seen; tell whether that is so. Of many who ask at once, one is told."""
        ...

    def finish(self, event_id: str) -> Union[Awaitable[None], None]:
        """Note that an event was handled."""
        ...

    def unfinished(self) -> Union[List[bytes], Awaitable[List[bytes]]]:
        """Claim again, and return, events that were claimed long ago and never finished."""
        ...


class MemoryStore:
    """Remembers the newest events, as long as the process lives."""

    def __init__(self, most: int = 100_000) -> None:
        """
        Set up a store.

        Args:
            most: Ids to remember; the oldest are forgotten first.
        """
        self._most = most
        self._ids: dict[str, None] = {}
        self._lock = threading.Lock()

    def claim(self, event_id: str, body: bytes) -> bool:  # noqa: ARG002 - it is not kept
        """Note an event if it was never seen; tell whether that is so."""
        with self._lock:
            if event_id in self._ids:
                return False
            self._ids[event_id] = None
            if len(self._ids) > self._most:
                del self._ids[next(iter(self._ids))]
            return True

    def finish(self, event_id: str) -> None:
        """Do nothing: it is remembered already."""

    def unfinished(self) -> List[bytes]:
        """Return nothing: what a crash left is gone."""
        return []


class SQLiteStore:
    """Remembers events in a file, for any number of processes; an event is handled by one of them."""

    def __init__(self, path: str | os.PathLike[str], *, patience: float = 600.0, keep: float = 30 * 86400.0) -> None:
        """
        Set up a store. The file is made when it is first used.

        Args:
            path: The file.
            patience: Seconds after which an event that was claimed and not finished is handled by somebody else.
            keep: Seconds for which a finished event is remembered.
        """
        self._path = Path(path)
        self._patience = patience
        self._keep = keep

    def claim(self, event_id: str, body: bytes) -> bool:
        """Note an event if it was never seen; tell whether that is so."""
        with self._database() as database:
            statement = "INSERT OR IGNORE INTO events (id, body, claimed_at) VALUES (?, ?, ?)"
            return database.execute(statement, (event_id, body, time.time())).rowcount == 1

    def finish(self, event_id: str) -> None:
        """Note that an event was handled."""
        with self._database() as database:
            now = time.time()
            database.execute("UPDATE events SET finished_at = ?, body = NULL WHERE id = ?", (now, event_id))
            database.execute("DELETE FROM events WHERE finished_at < ?", (now - self._keep,))

    def unfinished(self) -> List[bytes]:
        """Claim again, and return, events that were claimed long ago and never finished."""
        with self._database() as database:
            now = time.time()
            old = "SELECT id, body FROM events WHERE finished_at IS NULL AND claimed_at < ?"
            rows = database.execute(old, (now - self._patience,)).fetchall()
            database.executemany("UPDATE events SET claimed_at = ? WHERE id = ?", [(now, row[0]) for row in rows])
            return [row[1] for row in rows]

    @contextlib.contextmanager
    def _database(self) -> Generator[sqlite3.Connection, Any, None]:
        """Open the file for one transaction: a connection of its own is safe in any thread, and after a fork."""
        database = sqlite3.connect(str(self._path), timeout=LOCK_TIMEOUT, isolation_level=None)
        try:
            create_once(database, SCHEMA, _is_new, timeout=LOCK_TIMEOUT)
            database.execute("BEGIN IMMEDIATE")
            yield database
            database.execute("COMMIT")
        finally:
            database.close()


def _is_new(database: sqlite3.Connection) -> bool:
    return database.execute("SELECT 1 FROM sqlite_master WHERE name = 'events'").fetchone() is None
