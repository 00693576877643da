"""
Remember which video was bought for which content, in one small SQLite file for all programs of a user.

Rule 1: a content is stored as a hash, and an account as a hash of its base URL and key: the file tells nobody a prompt.
Rule 2: the newest entry of a content counts: an older video may have been deleted.
Rule 3: the file can be deleted at any time; then every content is bought again.
"""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING, Any, Dict, Generator, Mapping, NamedTuple, Sequence

from bluma_async.errors import BlumaError
from bluma_async.stores.sqlite.open import create_once

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["ContentIndex", "KnownVideo"]

LOCK_TIMEOUT = 10.0  # seconds to wait for other programs
MOST = 1_000_000  # contents of all accounts; the oldest are forgotten
MOST_VALUES = 500  # in one query; older releases of SQLite take 999
SCHEMA = (
    "CREATE TABLE contents (number INTEGER PRIMARY KEY, account TEXT NOT NULL, content TEXT NOT NULL, "
    "video_id TEXT NOT NULL, bought_at REAL NOT NULL, UNIQUE (account, content))"
)


class KnownVideo(NamedTuple):
    """The video of a content, and when it was bought: seconds since 1970, 0 if that is unknown."""

    video_id: str
    bought_at: float


class ContentIndex:
    """The videos of one account by the hashes of their contents. Its methods block: call them in a thread."""

    def __init__(self, path: Path, account: str) -> None:
        """
        Set up an index. The file is created when the first video is recorded.

        Args:
            path: The file; its folder is created too.
            account: What distinguishes the account; no secret.
        """
        self._path = path
        self._account = account

    def find(self, contents: Sequence[str]) -> Dict[str, KnownVideo]:
        """
        Return the video of each content that has one.

        Raises:
            BlumaError: The file cannot be read.
        """
        if not self._path.exists():
            return {}
        found: Dict[str, KnownVideo] = {}
        with self._transaction() as database:
            for start in range(0, len(contents), MOST_VALUES):
                part = contents[start : start + MOST_VALUES]
                marks = ",".join("?" * len(part))
                query = f"SELECT content, video_id, bought_at FROM contents WHERE account = ? AND content IN ({marks})"  # noqa: S608 - marks only
                rows = database.execute(query, (self._account, *part))
                found.update((content, KnownVideo(*known)) for content, *known in rows)
        return found

    def record(self, entries: Mapping[str, str], *, bought_at: float = 0.0, replace: bool = True) -> None:
        """
        Remember the video of each content.

        Args:
            entries: The id of the video of each content.
            bought_at: When they were bought: seconds since 1970, 0 if that is unknown.
            replace: Whether an entry replaces the one that its content has.

        Raises:
            BlumaError: The file cannot be written.
        """
        verb = "REPLACE" if replace else "IGNORE"
        statement = f"INSERT OR {verb} INTO contents (account, content, video_id, bought_at) VALUES (?, ?, ?, ?)"  # noqa: S608 - two words
        with self._transaction() as database:
            database.executemany(statement, [(self._account, *entry, bought_at) for entry in entries.items()])
            newest = database.execute("SELECT max(number) FROM contents").fetchone()[0] or 0
            database.execute("DELETE FROM contents WHERE number <= ?", (newest - MOST,))

    def forget(self, content: str, video_id: str) -> None:
        """
        Forget a video that cannot be used, unless its content has another one by now.

        Raises:
            BlumaError: The file cannot be written.
        """
        with self._transaction() as database:
            entry = (self._account, content, video_id)
            database.execute("DELETE FROM contents WHERE account = ? AND content = ? AND video_id = ?", entry)

    def clear(self) -> None:
        """
        Forget the videos of all accounts, also while other programs use the file.

        Raises:
            BlumaError: The file cannot be written.
        """
        if self._path.exists():
            with self._transaction() as database:
                database.execute("DELETE FROM contents")

    @contextlib.contextmanager
    def _transaction(self) -> Generator[sqlite3.Connection, Any, None]:
        """Open the file for one transaction. A connection of its own is safe in any thread, and after a fork."""
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with contextlib.closing(self._connect()) as database:
                create_once(database, SCHEMA, _is_new, timeout=LOCK_TIMEOUT)
                database.execute("BEGIN IMMEDIATE")
                yield database
                database.execute("COMMIT")
        except (sqlite3.Error, OSError) as problem:
            raise BlumaError(
                f"The index of contents {str(self._path)!r} could not be used: {problem}. Delete the file, or leave "
                'out reuse="content".'
            ) from problem

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(str(self._path), timeout=LOCK_TIMEOUT, isolation_level=None)


def _is_new(database: sqlite3.Connection) -> bool:
    return database.execute("SELECT 1 FROM sqlite_master WHERE name = 'contents'").fetchone() is None
