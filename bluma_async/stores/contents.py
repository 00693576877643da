"""
Remember which video was bought for which content, in one small SQLite file for all programs of a user.

Rule 1: a content is stored as a hash, and an account as a hash of its base URL and key: the file tells nobody a prompt.
Rule 2: the newest entry of a content counts: an older video may have been deleted.
Rule 3: a create is recorded before it is sent. Its video takes the place of that record, in one transaction.
Rule 4: the file can be deleted at any time; then every content is bought again.
"""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING, Any, Dict, Generator, List, Mapping, NamedTuple, Optional, Sequence

from bluma_async.errors import BlumaError
from bluma_async.stores.sqlite.open import create_once

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["ContentIndex", "KnownVideo", "PendingCreate"]

LOCK_TIMEOUT = 10.0  # seconds to wait for other programs
MOST = 1_000_000  # contents of all accounts; the oldest are forgotten
MOST_VALUES = 500  # in one query; older releases of SQLite take 999
ONE = "account = ? AND content = ? AND request_key = ?"
RECENT = 1000  # videos of an account that explain what a search finds; it can meet only the newest
SCHEMA = (  # files of earlier releases have no pending creates
    "CREATE TABLE IF NOT EXISTS contents (number INTEGER PRIMARY KEY, account TEXT NOT NULL, content TEXT NOT NULL, "
    "video_id TEXT NOT NULL, bought_at REAL NOT NULL, UNIQUE (account, content));"
    "CREATE TABLE IF NOT EXISTS pending (account TEXT NOT NULL, content TEXT NOT NULL, request_key TEXT NOT NULL, "
    "template_id TEXT NOT NULL, started_at REAL, is_accepted INTEGER NOT NULL, PRIMARY KEY (account, content))"
)


class KnownVideo(NamedTuple):
    """The video of a content, and when it was bought: seconds since 1970, 0 if that is unknown."""

    video_id: str
    bought_at: float


class PendingCreate(NamedTuple):
    """
    A create of a content whose outcome is not recorded.

    Attributes:
        content: The hash of its content.
        request_key: Its `Idempotency-Key`.
        template_id: Its template.
        started_at: The time from which its video can be listed: seconds since 1970, None if no clock was known.
        is_accepted: 1 if it certainly was accepted, as SQLite stores it.
    """

    content: str
    request_key: str
    template_id: str
    started_at: Optional[float]
    is_accepted: int = 0


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

        A video that replaces the entry of its content was bought just now, or found: no create of the content is
        pending any more.

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
            if replace:
                ended = [(self._account, content) for content in entries]
                database.executemany("DELETE FROM pending WHERE account = ? AND content = ?", ended)
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
        Forget the videos and the creates of all accounts, also while other programs use the file.

        Raises:
            BlumaError: The file cannot be written.
        """
        if self._path.exists():
            with self._transaction() as database:
                database.execute("DELETE FROM contents")
                database.execute("DELETE FROM pending")

    def begin(self, create: PendingCreate) -> None:
        """
        Record a create that is about to be sent. An earlier one of its content that is in doubt stays recorded.

        Raises:
            BlumaError: The file cannot be written.
        """
        with self._transaction() as database:
            database.execute("INSERT OR IGNORE INTO pending VALUES (?, ?, ?, ?, ?, ?)", (self._account, *create))

    def note_accepted(self, content: str) -> None:
        """
        Note that a recorded create certainly was accepted.

        Raises:
            BlumaError: The file cannot be written.
        """
        with self._transaction() as database:
            given = (self._account, content)
            database.execute("UPDATE pending SET is_accepted = 1 WHERE account = ? AND content = ?", given)

    def end(self, content: str, request_key: str) -> None:
        """
        Forget a create that certainly was not accepted, unless its content has another one by now.

        Raises:
            BlumaError: The file cannot be written.
        """
        if not self._path.exists():
            return
        with self._transaction() as database:
            database.execute(f"DELETE FROM pending WHERE {ONE}", (self._account, content, request_key))  # noqa: S608 - a constant

    def list_pending(self) -> List[PendingCreate]:
        """
        Return the creates whose outcome is not recorded, also those that a program works on.

        Raises:
            BlumaError: The file cannot be read.
        """
        if not self._path.exists():
            return []
        columns = "content, request_key, template_id, started_at, is_accepted"
        with self._transaction() as database:
            rows = database.execute(f"SELECT {columns} FROM pending WHERE account = ?", (self._account,))  # noqa: S608 - names only
            return [PendingCreate(*row) for row in rows]

    def list_videos(self) -> List[str]:
        """
        Return the newest videos that creates of this account are known to have become.

        Raises:
            BlumaError: The file cannot be read.
        """
        query = "SELECT video_id FROM contents WHERE account = ? ORDER BY number DESC LIMIT ?"
        with self._transaction() as database:
            return [video_id for (video_id,) in database.execute(query, (self._account, RECENT))]

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
                f"The index of contents {str(self._path)!r} could not be used: {problem}. Try again, or leave out "
                'reuse="content"; if the file is damaged, delete it.'
            ) from problem

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(str(self._path), timeout=LOCK_TIMEOUT, isolation_level=None)


def _is_new(database: sqlite3.Connection) -> bool:
    return database.execute("SELECT 1 FROM sqlite_master WHERE name = 'pending'").fetchone() is None
