"""
Tables: rows of plain JSON in memory, and in a SQLite file too if the sandbox has a data folder.

One thread writes every change to the file soon after it was made. No request waits for the disk.
"""

from __future__ import annotations

import json
import queue
import sqlite3
import threading
from itertools import islice
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterator, List, Optional, Tuple

from bluma_async.sandbox.api_errors import not_found

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Database", "Row", "Table"]

Row = Dict[str, Any]
Change = Optional[Tuple[str, str, Optional[str]]]  # kind, id, JSON; JSON None deletes the row; None ends the writer
SCHEMA_VERSION = 1


class Table:
    """Rows by their ids, oldest first."""

    def __init__(self, kind: str, database: Database) -> None:
        self._kind = kind
        self._database = database
        self._rows: Dict[str, Row] = {row["id"]: row for row in database.load(kind)}

    def __iter__(self) -> Iterator[Row]:
        return iter(list(self._rows.values()))

    def __len__(self) -> int:
        return len(self._rows)

    def last(self) -> Row | None:
        """Return the newest row, or None."""
        return next(reversed(self._rows.values()), None)

    def newest(self, count: int) -> List[Row]:
        """Return so many of the newest rows, newest first."""
        return list(islice(reversed(self._rows.values()), count))

    def put(self, row: Row) -> Row:
        """Add a row, or save its changes; return it."""
        self._rows[row["id"]] = row
        self._database.save(self._kind, row["id"], row)
        return row

    def find(self, identifier: str) -> Row | None:
        """Return a row, or None."""
        return self._rows.get(identifier)

    def need(self, identifier: str) -> Row:
        """Return a row, or raise a 404."""
        row = self._rows.get(identifier)
        if row is None:
            raise not_found(self._kind, identifier)
        return row

    def drop(self, identifier: str) -> None:
        """Delete a row."""
        del self._rows[identifier]
        self._database.save(self._kind, identifier, None)


class Database:
    """The SQLite file behind the tables; without a path, nothing is written."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._changes: queue.SimpleQueue[Change] = queue.SimpleQueue()
        self._loaded: Dict[str, List[Row]] = {}
        self._writer: threading.Thread | None = None
        self.watchers: List[Callable[[str, str], None]] = []  # called with the kind and the id of each changed row

    def open(self) -> None:
        """
        Read the file, and start the writer. Blocks: call it in a thread.

        Raises:
            ValueError: The file has another schema version; it was not changed.
        """
        if self._path is None:
            return
        _make_private(self._path)
        connection = sqlite3.connect(str(self._path))
        try:
            self._prepare(connection)
            for kind, body in connection.execute("SELECT kind, body FROM rows ORDER BY made"):
                self._loaded.setdefault(kind, []).append(json.loads(body))
        finally:
            connection.close()
        self._writer = threading.Thread(target=self._write, args=(self._path,), name="sandbox-store", daemon=True)
        self._writer.start()

    def load(self, kind: str) -> List[Row]:
        """Return the rows of a table as they were when the file was opened."""
        return self._loaded.pop(kind, [])

    def save(self, kind: str, identifier: str, row: Row | None) -> None:
        """Queue a row for the writer; None deletes it. The watchers are called."""
        for watch in self.watchers:
            watch(kind, identifier)
        if self._writer is not None:
            self._changes.put((kind, identifier, None if row is None else json.dumps(row)))

    def close(self) -> None:
        """Write the queued changes, and end the writer. Blocks: call it in a thread."""
        if self._writer is not None:
            self._changes.put(None)
            self._writer.join()
            self._writer = None

    def _prepare(self, connection: sqlite3.Connection) -> None:
        version: int = connection.execute("PRAGMA user_version").fetchone()[0]
        if version not in {0, SCHEMA_VERSION}:
            raise ValueError(f"{self._path} is of version {version}, and this sandbox reads version {SCHEMA_VERSION}.")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(
            "CREATE TABLE IF NOT EXISTS rows (made INTEGER PRIMARY KEY, kind TEXT NOT NULL, id TEXT NOT NULL, "
            "body TEXT NOT NULL, UNIQUE (kind, id))"
        )
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        connection.commit()

    def _write(self, path: Path) -> None:
        connection = sqlite3.connect(str(path))
        try:
            is_over = False
            while not is_over:
                changes = [self._changes.get()]
                while not self._changes.empty():
                    changes.append(self._changes.get())
                is_over = None in changes
                with connection:  # one transaction for every queued change: a commit costs more than a row
                    for change in filter(None, changes):
                        _apply(connection, change)
        finally:
            connection.close()


def _make_private(path: Path) -> None:
    """
    Let only the user read the database, which has secrets of webhooks: create it so, and change an existing one.

    SQLite gives the permissions of the database to the two files beside it; those of an earlier run are changed too.
    """
    path.touch(mode=0o600)
    for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
        beside = path.with_name(name)
        if beside.exists():
            beside.chmod(0o600)


def _apply(connection: sqlite3.Connection, change: Tuple[str, str, Optional[str]]) -> None:
    kind, identifier, body = change
    if body is None:
        connection.execute("DELETE FROM rows WHERE kind = ? AND id = ?", (kind, identifier))
    else:
        connection.execute(
            "INSERT INTO rows (kind, id, body) VALUES (?, ?, ?) "
            "ON CONFLICT (kind, id) DO UPDATE SET body = excluded.body",
            (kind, identifier, body),
        )
