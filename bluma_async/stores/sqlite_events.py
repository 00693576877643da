"""Remember webhook events in a SQLite file."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, Generator, List

from bluma_async.stores.sqlite_open import create_once

if TYPE_CHECKING:
    import os

__all__ = ["SQLiteStore"]

LOCK_TIMEOUT = 3.0  # seconds to wait for other connections; less than the 5 s that the sender waits for an answer
SCHEMA = (
    "CREATE TABLE events (id TEXT PRIMARY KEY, body BLOB, claimed_at REAL NOT NULL, finished_at REAL) WITHOUT ROWID"
)


class SQLiteStore:
    """Remembers events in a file, for any number of processes; each event is handled by one of them."""

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        patience: float = 600.0,
        keep: float = 30 * 86400.0,
        now: Callable[[], float] = time.time,
    ) -> None:
        """
        Set up a store. The file is created at the first use.

        Args:
            path: The file.
            patience: Seconds after which an event that was claimed and not finished is handled again.
            keep: Seconds for which a finished event is remembered.
            now: Returns the present time in seconds; another one for tests.
        """
        self._path = Path(path)
        self._patience = patience
        self._keep = keep
        self._now = now

    def claim(self, event_id: str, body: bytes) -> bool:
        """Record an event if it is new; return whether it is."""
        with self._transaction() as database:
            statement = "INSERT OR IGNORE INTO events (id, body, claimed_at) VALUES (?, ?, ?)"
            return database.execute(statement, (event_id, body, self._now())).rowcount == 1

    def finish(self, event_id: str) -> None:
        """Record that an event was handled, and delete its body: it may be personal data."""
        with self._transaction() as database:
            now = self._now()
            database.execute("UPDATE events SET finished_at = ?, body = NULL WHERE id = ?", (now, event_id))
            database.execute("DELETE FROM events WHERE finished_at < ?", (now - self._keep,))

    def unfinished(self) -> List[bytes]:
        """Claim again the events that were claimed long ago and never finished, and return their bodies."""
        with self._transaction() as database:
            now = self._now()
            old = "SELECT id, body FROM events WHERE finished_at IS NULL AND claimed_at < ?"
            rows = database.execute(old, (now - self._patience,)).fetchall()
            database.executemany("UPDATE events SET claimed_at = ? WHERE id = ?", [(now, row[0]) for row in rows])
            return [row[1] for row in rows]

    @contextlib.contextmanager
    def _transaction(self) -> Generator[sqlite3.Connection, Any, None]:
        """Open the file for one transaction. A connection of its own is safe in any thread, and after a fork."""
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
