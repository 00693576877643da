"""
Remember webhook events in PostgreSQL, for processes on any machines.

Rule: the database's clock counts. The methods block, and the receiver calls them in a thread: a connection of its own
for each is safe in any thread, and after a fork.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Generator, List, Sequence

from bluma_async.errors import BlumaError
from bluma_async.stores.postgres.connections import build_options
from bluma_async.stores.postgres.failures import list_failures
from bluma_async.stores.postgres.urls import load_psycopg, name_database

if TYPE_CHECKING:
    from psycopg import Connection

__all__ = ["PostgresStore"]

TIMEOUT = 3  # seconds to connect; less than the 5 s that the sender waits for an answer
MOST_AT_ONCE = 100  # events that one search for unfinished ones returns
ENDED = "finished_at IS NULL AND claimed_at < clock_timestamp() - %s * interval '1 second'"


class PostgresStore:
    """
    Remembers events in a database, for any number of processes on any machines; each event is handled by one of them.

    A claim that is neither renewed nor finished ends after `lease` seconds. `bluma batch migrate` creates the tables.
    """

    def __init__(self, url: str, *, lease: float = 120.0, keep: float = 30 * 86400.0) -> None:
        """
        Set up a store. Nothing is connected yet.

        Args:
            url: The URL of the database, such as `postgresql://user@host:5432/name`.
            lease: Seconds after which an event that was claimed, and neither renewed nor finished, is handled again. A
                receiver renews its claims three times in this time.
            keep: Seconds for which a finished event is remembered.

        Raises:
            InvalidArgumentError: The URL is invalid, or the extra `fleet` is not installed.
        """
        self._name = name_database(url)
        self._url = url
        self._lease = lease
        self._keep = keep

    @property
    def lease(self) -> float:
        """Seconds after which a claim ends that was neither renewed nor finished."""
        return self._lease

    def claim(self, event_id: str, body: bytes) -> bool:
        """Record an event if it is new, or its claim has ended; return whether it is."""
        statement = (
            "INSERT INTO bluma_events AS e (id, body, claimed_at) VALUES (%s, %s, clock_timestamp()) "
            "ON CONFLICT (id) DO UPDATE SET claimed_at = clock_timestamp() "
            "WHERE e.finished_at IS NULL AND e.claimed_at < clock_timestamp() - %s * interval '1 second'"
        )
        with self._connected() as db:
            return db.execute(statement.encode(), (event_id, body, self._lease)).rowcount == 1

    def renew(self, event_ids: Sequence[str]) -> None:
        """Prolong the claims of events that are not finished."""
        statement = "UPDATE bluma_events SET claimed_at = clock_timestamp() WHERE id = ANY(%s) AND finished_at IS NULL"
        with self._connected() as db:
            db.execute(statement.encode(), (list(event_ids),))

    def is_finished(self, event_id: str) -> bool:
        """Return whether an event was handled."""
        with self._connected() as db:
            query = b"SELECT 1 FROM bluma_events WHERE id = %s AND finished_at IS NOT NULL"
            return db.execute(query, (event_id,)).fetchone() is not None

    def finish(self, event_id: str) -> None:
        """Record that an event was handled, and delete its body: it may be personal data."""
        old = "DELETE FROM bluma_events WHERE finished_at < clock_timestamp() - %s * interval '1 second'"
        with self._connected() as db:
            done = b"UPDATE bluma_events SET finished_at = clock_timestamp(), body = NULL WHERE id = %s"
            db.execute(done, (event_id,))
            db.execute(old.encode(), (self._keep,))

    def unfinished(self) -> List[bytes]:
        """Claim again the events whose claims have ended, at most a hundred of them, and return their bodies."""
        chosen = f"SELECT id FROM bluma_events WHERE {ENDED} ORDER BY claimed_at LIMIT %s FOR UPDATE SKIP LOCKED"  # noqa: S608 - a constant
        statement = f"UPDATE bluma_events SET claimed_at = clock_timestamp() WHERE id IN ({chosen}) RETURNING body"  # noqa: S608 - a constant
        with self._connected() as db:
            rows = db.execute(statement.encode(), (self._lease, MOST_AT_ONCE)).fetchall()
        return [bytes(row[0]) for row in rows]

    @contextmanager
    def _connected(self) -> Generator[Connection[Any], None, None]:
        psycopg = load_psycopg()
        try:
            with psycopg.connect(self._url, **build_options(TIMEOUT)) as db:
                yield db
        except list_failures(psycopg) as problem:
            kind = type(problem).__name__  # its text can have the values of a statement
            raise BlumaError(f"The store of events in {self._name} could not be used: {kind}.") from None
