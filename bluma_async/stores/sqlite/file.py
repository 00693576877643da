"""
Open the SQLite file of a batch, for one writer and any number of readers.

Rule 1: a committed transaction is on disk before the next step begins (`synchronous = FULL`): an intent survives a
power cut.
Rule 2: one process runs jobs at a time; others may submit jobs meanwhile, in transactions of their own. The process
that runs jobs holds a lock of the operating system (FileLock) on a second, empty file. A lock by SQLite would not do:
it is a POSIX lock, which vanishes when any code of the process opens and closes that file, a backup for example.
"""

from __future__ import annotations

import errno
import os
import sqlite3
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Callable, TypeVar

from bluma_async._runtime.file_lock import FileLock
from bluma_async._runtime.threads import in_thread
from bluma_async.errors import BlumaError, InvalidArgumentError
from bluma_async.stores.keys import fold_key
from bluma_async.stores.sqlite.commits import GroupCommit
from bluma_async.stores.sqlite.open import create_once

if TYPE_CHECKING:
    from typing_extensions import Concatenate, ParamSpec

    P = ParamSpec("P")

__all__ = ["JournalFile"]

T = TypeVar("T")
APPLICATION = 0x426C756D  # "Blum"
VERSION = 2
LOCK_TIMEOUT = 60.0  # seconds that processes wait for each other's transactions: a submission can be a long one
SCHEMA = f"""
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE jobs (
    place INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE COLLATE NOCASE, body TEXT NOT NULL,
    template_id TEXT, resolution TEXT, origin TEXT NOT NULL, run INTEGER NOT NULL, state TEXT NOT NULL,
    request_key TEXT, started_at TEXT, video_id TEXT, path TEXT, size INTEGER, error TEXT,
    candidates TEXT NOT NULL DEFAULT '[]', folded TEXT NOT NULL DEFAULT ''
);
CREATE INDEX jobs_by_folded_key ON jobs (folded);
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


class JournalFile:
    """An open file."""

    def __init__(self, path: Path, connection: sqlite3.Connection, lock: FileLock | None, begin: str) -> None:
        self.path = path
        self._connection = connection
        self._lock = lock
        self._commits = GroupCommit(connection, begin, partial(_convert, path))

    @classmethod
    async def open(cls, path: Path, *, to_write: bool, is_shared: bool = False) -> JournalFile:
        """
        Open the file.

        Args:
            path: The file.
            to_write: Whether to write. The file is then created if it is missing.
            is_shared: Whether another process may hold the lock of the writer. Otherwise it is acquired to write.

        Raises:
            InvalidArgumentError: The file is missing, is not a journal, or was written by a newer version.
            BlumaError: Another process holds the lock, or the disk refuses.
        """
        connection, lock = await in_thread(_with_own_errors, path, _open, path, to_write, is_shared)
        return cls(path, connection, lock, "BEGIN IMMEDIATE" if to_write else "BEGIN")

    async def do(self, action: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """
        Call a function with the connection, in a transaction that also ends if the caller is cancelled.

        The function must have no effect but on the file: after a rollback it is called again.
        """
        outcome: T = await self._commits.do(partial(action, self._connection, *args, **kwargs))
        return outcome

    async def do_once(
        self, action: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Call a function that cannot be called again with the connection, in a transaction of its own."""
        outcome: T = await self._commits.do_once(partial(action, self._connection, *args, **kwargs))
        return outcome

    async def close(self) -> None:
        """Close the file after the verbs that were called before, and release the lock, also when cancelled."""
        await self._commits.do_outside(self._close)

    def _close(self) -> None:
        self._connection.close()
        if self._lock is not None:
            self._lock.release()


def _with_own_errors(path: Path, action: Callable[..., T], *args: object) -> T:
    """Call a function; errors of SQLite and of the disk become a BlumaError."""
    try:
        return action(*args)
    except (sqlite3.Error, OSError) as problem:
        raise _convert(path, problem) from problem


def _convert(path: Path, problem: BaseException) -> BaseException:
    """Return the BlumaError for an error of SQLite or of the disk, and any other error as it is."""
    if not isinstance(problem, (sqlite3.Error, OSError)):
        return problem
    error = BlumaError(f"The journal {path} could not be used: {problem}. The steps recorded in it so far are kept.")
    error.__cause__ = problem
    return error


def _open(path: Path, to_write: bool, is_shared: bool) -> tuple[sqlite3.Connection, FileLock | None]:
    if not to_write and not path.is_file():
        raise InvalidArgumentError(f"There is no journal at {path}.")
    with ExitStack() as opened:
        lock = _acquire_lock(path) if to_write and not is_shared else None
        if lock is not None:
            opened.callback(lock.release)
        connection = sqlite3.connect(str(path), timeout=LOCK_TIMEOUT, isolation_level=None, check_same_thread=False)
        opened.enter_context(closing(connection))
        connection.row_factory = sqlite3.Row
        create_once(connection, SCHEMA, partial(_is_new, path), timeout=LOCK_TIMEOUT)
        connection.execute("PRAGMA synchronous = FULL")
        if lock is not None:
            _migrate(connection)
            connection.execute("INSERT OR REPLACE INTO meta VALUES ('holder', ?)", (str(os.getpid()),))
        elif to_write:
            _require_present_schema(path, connection)
        opened.pop_all()  # both stay open
    return connection, lock


def _acquire_lock(path: Path) -> FileLock:
    real = path.resolve()  # two names of one journal must not be two locks
    if not real.parent.is_dir():  # filelock would create the folder
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(real.parent))
    lock = FileLock.acquire(Path(f"{real}.lock"))
    if lock is None:
        raise BlumaError(
            f"The journal {path} is in use by {_read_holder(path)}. Wait until that process has ended; nothing was "
            "sent."
        )
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
        raise InvalidArgumentError(f"{path} is not a journal; name another file. Nothing was sent.") from problem
    return application, version, tables


def _migrate(connection: sqlite3.Connection) -> None:
    """Bring the journal of an earlier release to the present schema, in one transaction; its jobs stay as they are."""
    if connection.execute("PRAGMA user_version").fetchone()[0] == VERSION:
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.execute("ALTER TABLE jobs ADD COLUMN folded TEXT NOT NULL DEFAULT ''")
        keys = [(fold_key(row["key"]), row["place"]) for row in connection.execute("SELECT key, place FROM jobs")]
        connection.executemany("UPDATE jobs SET folded = ? WHERE place = ?", keys)
        connection.execute("CREATE INDEX jobs_by_folded_key ON jobs (folded)")
        connection.execute(f"PRAGMA user_version = {VERSION}")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _require_present_schema(path: Path, connection: sqlite3.Connection) -> None:
    """Bring the journal of an earlier release to the present schema, which only the holder of the lock may do."""
    if connection.execute("PRAGMA user_version").fetchone()[0] == VERSION:
        return
    lock = _acquire_lock(path)
    try:
        _migrate(connection)
    finally:
        lock.release()


def _is_new(path: Path, connection: sqlite3.Connection) -> bool:
    """Return whether the file has yet to become a journal; raise if it is something else."""
    application, version, tables = _read_format(path, connection)
    if application == APPLICATION and 1 <= version <= VERSION:
        return False  # a reader uses an older schema as it is, and a writer migrates it
    if application == APPLICATION and version > VERSION:
        raise InvalidArgumentError(
            f"The journal {path} was written by a newer version (its schema is {version}, this one knows {VERSION}). "
            "Upgrade bluma, or name another journal. Nothing was sent."
        )
    if tables:
        raise InvalidArgumentError(f"{path} is a database, but no journal; name another file. Nothing was sent.")
    return True
