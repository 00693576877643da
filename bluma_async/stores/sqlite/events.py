"""Remember webhook events in a SQLite file."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, Generator, List, Sequence

from bluma_async.stores.sqlite.open import create_once

if TYPE_CHECKING:
    import os

__all__ = ["SQLiteStore"]

LOCK_TIMEOUT = 3.0  # seconds to wait for other connections; less than the 5 s that the sender waits for an answer
MOST_AT_ONCE = 100  # events that one recovery takes over
SCHEMA = (
    "CREATE TABLE events (id TEXT PRIMARY KEY, body BLOB, claimed_at REAL NOT NULL, finished_at REAL) WITHOUT ROWID"
)


class SQLiteStore:
    """
    Remembers events in a file, for any number of processes; each event is handled by one of them.

    A claim that is neither renewed nor finished ends after `lease` seconds. An event whose process was killed is then
    handled by the next process to which it is sent, or to which any other event is sent.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        lease: float = 120.0,
        keep: float = 30 * 86400.0,
        now: Callable[[], float] = time.time,
    ) -> None:
        """
        Set up a store. The file is created at the first use.

        Args:
            path: The file.
            lease: Seconds after which an event that was claimed, and neither renewed nor finished, is handled again. A
                receiver renews its claims three times in this time.
            keep: Seconds for which a finished event is remembered.
            now: Returns the present time in seconds; another one for tests.
        """
        self._path = Path(path)
        self._lease = lease
        self._keep = keep
        self._now = now

    @property
    def lease(self) -> float:
        """Seconds after which a claim ends that was neither renewed nor finished."""
        return self._lease

    def claim(self, event_id: str, body: bytes) -> bool:
        """Record an event if it is new, or its claim has ended; return whether it is."""
        with self._transaction() as database:
            now = self._now()
            insert = "INSERT OR IGNORE INTO events (id, body, claimed_at) VALUES (?, ?, ?)"
            take_over = "UPDATE events SET claimed_at = ? WHERE id = ? AND finished_at IS NULL AND claimed_at < ?"
            return (
                database.execute(insert, (event_id, body, now)).rowcount == 1
                or database.execute(take_over, (now, event_id, now - self._lease)).rowcount == 1
            )

    def renew(self, event_ids: Sequence[str]) -> None:
        """Prolong the claims of events that are not finished."""
        with self._transaction() as database:
            now = self._now()
            renew = "UPDATE events SET claimed_at = ? WHERE id = ? AND finished_at IS NULL"
            database.executemany(renew, [(now, event_id) for event_id in event_ids])

    def is_finished(self, event_id: str) -> bool:
        """Return whether an event was handled."""
        with self._transaction() as database:
            found = database.execute("SELECT finished_at IS NOT NULL FROM events WHERE id = ?", (event_id,)).fetchone()
            return found is not None and bool(found[0])

    def finish(self, event_id: str) -> None:
        """Record that an event was handled, and delete its body: it may be personal data."""
        with self._transaction() as database:
            now = self._now()
            database.execute("UPDATE events SET finished_at = ?, body = NULL WHERE id = ?", (now, event_id))
            database.execute("DELETE FROM events WHERE finished_at < ?", (now - self._keep,))

    def unfinished(self) -> List[bytes]:
        """Claim again the events whose claims have ended, at most a hundred of them, and return their bodies."""
        with self._transaction() as database:
            now = self._now()
            old = "SELECT id, body FROM events WHERE finished_at IS NULL AND claimed_at < ? ORDER BY claimed_at LIMIT ?"
            rows = database.execute(old, (now - self._lease, MOST_AT_ONCE)).fetchall()
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
