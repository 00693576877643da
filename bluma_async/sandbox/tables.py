"""
What the sandbox remembers: rows of plain JSON in tables, in memory, and on disk too if there is a folder for it.

Each change is written by one thread of its own, soon after it was made; nothing else waits for the disk.
"""

from __future__ import annotations

import json
import queue
import sqlite3
import threading
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Optional, Tuple

from bluma_async.sandbox.problems import not_found

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Row", "Store", "Table"]

Row = Dict[str, Any]
Change = Optional[Tuple[str, str, Optional[str]]]  # kind, id, JSON; no JSON is a deletion, no change at all the end
SCHEMA_VERSION = 1


class Table:
    """Rows by their ids, oldest first."""

    def __init__(self, kind: str, store: Store) -> None:
        self._kind = kind
        self._store = store
        self._rows: Dict[str, Row] = {row["id"]: row for row in store.load(kind)}

    def __iter__(self) -> Iterator[Row]:
        return iter(list(self._rows.values()))

    def __len__(self) -> int:
        return len(self._rows)

    def last(self) -> Row | None:
        """Return the newest row."""
        return next(reversed(self._rows.values()), None)

    def put(self, row: Row) -> Row:
        """Add a row, or note that it changed."""
        self._rows[row["id"]] = row
        self._store.save(self._kind, row["id"], row)
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
        """Forget a row."""
        del self._rows[identifier]
        self._store.save(self._kind, identifier, None)


class Store:
    """The disk behind the tables; without a path there is none."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._changes: queue.SimpleQueue[Change] = queue.SimpleQueue()
        self._loaded: Dict[str, List[Row]] = {}
        self._writer: threading.Thread | None = None

    def open(self) -> None:
        """
        Read what is there, and start to write. Blocks: run it off the loop.

        Raises:
            ValueError: The file is of another version.
        """
        if self._path is None:
            return
        database = sqlite3.connect(str(self._path))
        try:
            self._prepare(database)
            for kind, body in database.execute("SELECT kind, body FROM rows ORDER BY made"):
                self._loaded.setdefault(kind, []).append(json.loads(body))
        finally:
            database.close()
        self._writer = threading.Thread(target=self._write, args=(self._path,), name="sandbox-store", daemon=True)
        self._writer.start()

    def load(self, kind: str) -> List[Row]:
        """Return the rows of a table as they were when the store was opened."""
        return self._loaded.pop(kind, [])

    def save(self, kind: str, identifier: str, row: Row | None) -> None:
        """Have a row written, or deleted, soon."""
        if self._writer is not None:
            self._changes.put((kind, identifier, None if row is None else json.dumps(row)))

    def close(self) -> None:
        """Write what is left, and end. Blocks: run it off the loop."""
        if self._writer is not None:
            self._changes.put(None)
            self._writer.join()
            self._writer = None

    def _prepare(self, database: sqlite3.Connection) -> None:
        version: int = database.execute("PRAGMA user_version").fetchone()[0]
        if version not in {0, SCHEMA_VERSION}:
            raise ValueError(f"{self._path} is of version {version}, and this sandbox reads version {SCHEMA_VERSION}.")
        database.execute("PRAGMA journal_mode = WAL")
        database.execute(
            "CREATE TABLE IF NOT EXISTS rows (made INTEGER PRIMARY KEY, kind TEXT NOT NULL, id TEXT NOT NULL, "
            "body TEXT NOT NULL, UNIQUE (kind, id))"
        )
        database.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        database.commit()

    def _write(self, path: Path) -> None:
        database = sqlite3.connect(str(path))
        try:
            is_over = False
            while not is_over:
                changes = [self._changes.get()]
                while not self._changes.empty():
                    changes.append(self._changes.get())
                is_over = None in changes
                with database:
                    for change in filter(None, changes):
                        _apply(database, change)
        finally:
            database.close()


def _apply(database: sqlite3.Connection, change: Tuple[str, str, Optional[str]]) -> None:
    kind, identifier, body = change
    if body is None:
        database.execute("DELETE FROM rows WHERE kind = ? AND id = ?", (kind, identifier))
    else:
        database.execute(
            "INSERT INTO rows (kind, id, body) VALUES (?, ?, ?) "
            "ON CONFLICT (kind, id) DO UPDATE SET body = excluded.body",
            (kind, identifier, body),
        )
