"""
Open the SQLite file of a batch, for one writer and any number of readers.

Rule 1: a committed transaction is on disk before the next step begins (`synchronous = FULL`): an intent survives a
power cut.
Rule 2: one process writes at a time. It holds `BEGIN EXCLUSIVE` on a second, empty file, which the system releases
however the process ends; a lock file with a process id would survive its process.
Rule 3: SQLite runs in threads, one transaction at a time, so that the disk never blocks the event loop.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
from contextlib import ExitStack, closing
from functools import partial
from typing import TYPE_CHECKING, Any, Callable, TypeVar

from bluma_async._runtime.threads import in_thread
from bluma_async.errors import BlumaError, InvalidArgumentError
from bluma_async.stores.sqlite_open import create_once

if TYPE_CHECKING:
    from pathlib import Path

    from typing_extensions import Concatenate, ParamSpec

    P = ParamSpec("P")

__all__ = ["JournalFile", "RollbackWith"]

T = TypeVar("T")
APPLICATION = 0x426C756D  # "Blum"
VERSION = 1
LOCK_TIMEOUT = 10.0  # seconds that a reader and the writer wait for each other
SCHEMA = f"""
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE jobs (
    place INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE COLLATE NOCASE, body TEXT NOT NULL,
    template_id TEXT, resolution TEXT, origin TEXT NOT NULL, run INTEGER NOT NULL, state TEXT NOT NULL,
    request_key TEXT, started_at TEXT, video_id TEXT, path TEXT, size INTEGER, error TEXT,
    candidates TEXT NOT NULL DEFAULT '[]'
);
CREATE INDEX jobs_to_do ON jobs (run, state, place);
CREATE INDEX jobs_by_state ON jobs (state);
CREATE INDEX jobs_by_start ON jobs (started_at);
CREATE TABLE videos (
    id TEXT PRIMARY KEY, place INTEGER NOT NULL, charged INTEGER NOT NULL, refunded INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE TABLE history (place INTEGER NOT NULL, at TEXT NOT NULL, state TEXT NOT NULL, note TEXT);
PRAGMA application_id = {APPLICATION};
PRAGMA user_version = {VERSION};
"""


class RollbackWith(Exception):  # noqa: N818 - a result that must leave no trace in the file, not an error
    """Raised inside a transaction to undo it and return a value nevertheless."""

    def __init__(self, value: Any) -> None:
        super().__init__()
        self.value = value


class JournalFile:
    """An open file. It runs one transaction at a time."""

    def __init__(self, path: Path, connection: sqlite3.Connection, lock: sqlite3.Connection | None) -> None:
        self.path = path
        self._connection = connection
        self._lock = lock
        self._turn = asyncio.Lock()

    @classmethod
    async def open(cls, path: Path, *, to_write: bool) -> JournalFile:
        """
        Open the file; to write, exclusively, and creating it if it is missing.

        Raises:
            InvalidArgumentError: The file is missing, is no journal, or was written by a newer version.
            BlumaError: Another process writes to it, or the disk refuses.
        """
        connection, lock = await in_thread(_with_own_errors, path, _open, path, to_write)
        return cls(path, connection, lock)

    async def do(self, action: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a function with the connection, in one transaction that also ends if the caller is cancelled."""
        async with self._turn:
            outcome: T = await in_thread(
                _with_own_errors, self.path, self._transact, lambda: action(self._connection, *args, **kwargs)
            )
            return outcome

    async def close(self) -> None:
        """Close the file and release the lock, also when cancelled."""
        import anyio  # noqa: PLC0415 - importing the SDK must not load anyio

        with anyio.CancelScope(shield=True):
            async with self._turn:
                await in_thread(self._close)

    def _transact(self, action: Callable[[], T]) -> T:
        self._connection.execute("BEGIN IMMEDIATE" if self._lock is not None else "BEGIN")
        try:
            outcome = action()
        except RollbackWith as ended:
            self._connection.execute("ROLLBACK")
            value: T = ended.value
            return value
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")
        return outcome

    def _close(self) -> None:
        self._connection.close()
        if self._lock is not None:
            self._lock.close()


def _with_own_errors(path: Path, action: Callable[..., T], *args: object) -> T:
    """Call a function; errors of SQLite and of the disk become a BlumaError."""
    try:
        return action(*args)
    except (sqlite3.Error, OSError) as problem:
        raise BlumaError(
            f"The journal {path} could not be used: {problem}. The steps recorded in it so far are kept."
        ) from problem


def _open(path: Path, to_write: bool) -> tuple[sqlite3.Connection, sqlite3.Connection | None]:
    if not to_write and not path.is_file():
        raise InvalidArgumentError(f"There is no journal at {path}.")
    with ExitStack() as opened:
        lock = opened.enter_context(closing(_acquire_lock(path))) if to_write else None
        connection = sqlite3.connect(str(path), timeout=LOCK_TIMEOUT, isolation_level=None, check_same_thread=False)
        opened.enter_context(closing(connection))
        connection.row_factory = sqlite3.Row
        create_once(connection, SCHEMA, partial(_is_new, path), timeout=LOCK_TIMEOUT)
        connection.execute("PRAGMA synchronous = FULL")
        if to_write:
            connection.execute("INSERT OR REPLACE INTO meta VALUES ('holder', ?)", (str(os.getpid()),))
        opened.pop_all()  # both stay open
    return connection, lock


def _acquire_lock(path: Path) -> sqlite3.Connection:
    lock = sqlite3.connect(f"{path}.lock", timeout=0, isolation_level=None, check_same_thread=False)
    try:
        lock.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError as problem:
        lock.close()
        if "locked" not in str(problem):
            raise
        raise BlumaError(
            f"The journal {path} is in use by {_read_holder(path)}. Wait until that process has ended; nothing was "
            "sent."
        ) from problem
    return lock


def _read_holder(path: Path) -> str:
    connection = sqlite3.connect(str(path), timeout=LOCK_TIMEOUT)
    try:
        found = connection.execute("SELECT value FROM meta WHERE name = 'holder'").fetchone()
    except sqlite3.Error:
        found = None
    finally:
        connection.close()
    return f"process {found[0]}" if found else "another process"


def _read_format(path: Path, connection: sqlite3.Connection) -> tuple[int, int, int]:
    """Return the file's application id, its schema version, and the number of its tables and indexes."""
    # One statement, so that a journal which is just being created is seen either empty or complete.
    query = (
        "SELECT application_id, user_version, (SELECT count(*) FROM sqlite_master) "
        "FROM pragma_application_id, pragma_user_version"
    )
    try:
        application, version, tables = connection.execute(query).fetchone()
    except sqlite3.DatabaseError as problem:
        if isinstance(problem, sqlite3.OperationalError):
            raise
        raise InvalidArgumentError(f"{path} is no journal; name another file. Nothing was sent.") from problem
    return application, version, tables


def _is_new(path: Path, connection: sqlite3.Connection) -> bool:
    """Return whether the file has yet to become a journal; raise if it is something else."""
    application, version, tables = _read_format(path, connection)
    if (application, version) == (APPLICATION, VERSION):
        return False
    if application == APPLICATION and version > VERSION:
        raise InvalidArgumentError(
            f"The journal {path} was written by a newer version (its schema is {version}, this one knows {VERSION}). "
            "Upgrade bluma, or name another journal. Nothing was sent."
        )
    if tables:
        raise InvalidArgumentError(f"{path} is a database, but no journal; name another file. Nothing was sent.")
    return True
