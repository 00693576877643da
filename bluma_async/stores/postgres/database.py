"""
Connect to the PostgreSQL database that several processes share.

Rule 1: a transaction happens wholly or not at all, also if its caller is cancelled: one that may record money is
finished first, and one that does not is undone.
Rule 2: a lost connection is retried for `PATIENCE` seconds. An action is told that it may have been done already. A
server that does not answer for so long counts as lost, and ends the transactions of a process that stands still.
When the process ends, one deadline bounds the retries of all calls: several calls in a row would add their patience up.
Rule 3: no message has the URL's password: databases are named by host, port and name.
Rule 4: no transaction runs on other tables than those that were opened: a process would act on jobs of another journal.
Rule 5: psycopg is loaded at the first use, in a thread: importing the SDK must neither need it nor wait for it.
"""

from __future__ import annotations

import asyncio
import math
import os
import time
from typing import TYPE_CHECKING, Any, Awaitable, Callable, List, Tuple, TypeVar

from bluma_async._runtime.tasks import finish, within
from bluma_async._runtime.threads import in_thread
from bluma_async.errors import BlumaError
from bluma_async.stores.postgres.bounds import TimeBound
from bluma_async.stores.postgres.connections import (
    CONNECT_TIMEOUT,
    begin,
    begin_on_tables,
    build_options,
    build_pool_options,
    find_tables,
)
from bluma_async.stores.postgres.failures import (
    LostDatabaseError,
    ReplacedTablesError,
    build_opening_error,
    describe_failure,
    is_lost,
    list_failures,
)
from bluma_async.stores.postgres.schema import migrate, read_version, require_version
from bluma_async.stores.postgres.urls import load_psycopg, name_database

if TYPE_CHECKING:
    from psycopg_pool import AsyncConnectionPool

    from bluma_async.stores.postgres.rows import Connection

__all__ = ["BRIEF", "LONGEST", "PATIENCE", "Database", "RollbackWith", "migrate_database"]

T = TypeVar("T")
PATIENCE = 30.0  # seconds for which a lost connection is retried
LONGEST_PAUSE = 2.0  # seconds between two retries
BRIEF = 2.0  # seconds of an attempt after the last retry of a process that ends without its database
LONGEST = 600.0  # seconds that a transaction may take whose work grows with the journal


class RollbackWith(Exception):  # noqa: N818 - a result that must leave no trace in the database, not an error
    """Raised inside a transaction to undo it and return a value nevertheless."""

    def __init__(self, value: Any) -> None:
        super().__init__()
        self.value = value


async def migrate_database(url: str) -> str:
    """
    Create the tables of a database, or bring them to the present version; return the database's name.

    Raises:
        InvalidArgumentError: The URL is invalid, the extra is missing, or the tables are newer.
        BlumaError: The database cannot be reached, is read-only, or this user may not create tables.
    """
    database = await Database.open(url, to_write=True)
    await database.close()
    return database.name


class Database:
    """A database, and the connections of one event loop to it."""

    def __init__(self, name: str, url: str, pool: AsyncConnectionPool[Connection], psycopg: Any) -> None:
        self.name = name
        self.url = url
        self._pool = pool
        self._psycopg = psycopg
        self._pid = os.getpid()
        self._last_retry = math.inf
        self._is_lost = False
        self._tables: str | None = None  # their identity, which every transaction requires

    @classmethod
    async def open(cls, url: str, *, to_write: bool) -> Database:
        """
        Connect, and require the tables; to write, create or migrate them.

        Raises:
            InvalidArgumentError: The URL is invalid, the extra is missing, or the tables are missing or newer.
            BlumaError: The database cannot be reached, or is read-only, or this user may not create the tables.
        """
        database = cls(*await cls._set_up(url))
        await database._ask_once(database._migrate if to_write else database._require_tables)
        await database._pool.open()
        return database

    @classmethod
    async def has_tables(cls, url: str) -> bool:
        """
        Return whether the tables were created, in any version. Nothing is created.

        Raises:
            InvalidArgumentError: The URL is invalid, or the extra is missing.
            BlumaError: The database cannot be reached.
        """
        database = cls(*await cls._set_up(url))
        return await database._ask_once(read_version) > 0

    @classmethod
    async def _set_up(cls, url: str) -> Tuple[str, str, AsyncConnectionPool[Connection], Any]:
        """Return the arguments of the constructor; nothing is connected yet."""
        psycopg = await in_thread(load_psycopg)
        name = name_database(url)
        from psycopg_pool import AsyncConnectionPool  # noqa: PLC0415 - an extra

        options = build_pool_options(row_factory=psycopg.rows.dict_row, autocommit=True)
        pool: Any = AsyncConnectionPool(url, open=False, **options)
        return name, url, pool, psycopg

    async def _migrate(self, db: Connection) -> None:
        await migrate(db, self.name)
        self._tables = await find_tables(db)

    async def _require_tables(self, db: Connection) -> None:
        require_version(await read_version(db), self.name)
        self._tables = await find_tables(db)

    async def _ask_once(self, action: Callable[[Connection], Awaitable[T]]) -> T:
        """Connect once without the pool, which would hide why it cannot, and run an action."""
        bound = TimeBound(PATIENCE)
        try:
            async with await within(CONNECT_TIMEOUT, self.connect()) as db:
                bound.begin(db)
                await begin(db)
                return await action(db)
        except list_failures(self._psycopg) as problem:
            raise build_opening_error(self._psycopg, problem, self.url) from None
        finally:
            bound.end()

    async def do(
        self,
        action: Callable[[Connection, bool], Awaitable[T]],
        *,
        retries: bool = True,
        patience: float = PATIENCE,
        longest: float | None = None,
        finishes: bool = True,
    ) -> T:
        """
        Run an action in one transaction.

        Args:
            action: Called with a connection, and with whether an earlier attempt may have been committed.
            retries: Whether the action can be run again after the connection was lost.
            patience: Seconds for which it is.
            longest: Seconds that one transaction may take, if its work grows with the journal; None for `patience`.
            finishes: Whether it is finished although its caller is cancelled: it may record money. Else it is undone.

        Raises:
            BlumaError: The database could not be used, or its tables are not those that were opened.
        """
        bound = TimeBound(patience if longest is None else longest)
        work = self._do(action, patience if retries else 0.0, min(CONNECT_TIMEOUT, patience), bound)
        return await (finish(work) if finishes else bound.interruptible(work))

    def limit_retries(self, seconds: float) -> None:
        """
        Retry a lost connection for at most so many seconds from now, in all calls together: this process ends.

        Later calls get one attempt each: nothing is given up that a database which is there could record.
        """
        self._last_retry = min(self._last_retry, time.monotonic() + seconds)

    async def _do(
        self, action: Callable[[Connection, bool], Awaitable[T]], patience: float, within: float, bound: TimeBound
    ) -> T:
        ends, pause, is_repeated = time.monotonic() + patience, 0.05, False
        while True:
            try:
                result = await self._attempt(action, is_repeated, within, bound)
            except list_failures(self._psycopg) as problem:
                self._is_lost = can_retry = is_lost(self._psycopg, problem)
                is_late = bound.is_interrupted or time.monotonic() + pause > min(ends, self._last_retry)
                if is_late or self._pool.closed or not can_retry:
                    raise self._describe(problem, bound) from None
            else:
                self._is_lost = False
                return result
            is_repeated = True
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _attempt(
        self, action: Callable[[Connection, bool], Awaitable[T]], is_repeated: bool, within: float, bound: TimeBound
    ) -> T:
        """Run an action in one transaction on one connection."""
        left = max(self._last_retry - time.monotonic(), BRIEF)
        bound.seconds = min(bound.seconds, left) if self._is_lost else bound.seconds  # else it may only be slow
        try:
            async with self._pool.connection(timeout=min(within, left)) as db:
                bound.begin(db)
                try:
                    if await begin_on_tables(db) != self._tables:
                        raise ReplacedTablesError(self.name)
                    return await action(db, is_repeated)
                except asyncio.CancelledError:
                    await db.close()  # the cancel request may arrive late, and would end another transaction
                    raise
        except RollbackWith as ended:
            value: T = ended.value
            return value
        finally:
            bound.end()

    def _describe(self, problem: Exception, bound: TimeBound) -> BlumaError:
        what = f"it has not answered for {bound.seconds:g} s" if bound.is_over else describe_failure(problem, self.url)
        kept = "The steps recorded in it so far are kept."
        kind = LostDatabaseError if is_lost(self._psycopg, problem) else BlumaError
        return kind(f"The database {self.name} could not be used: {what}. {kept}")

    async def connect(self) -> Connection:
        """Return a connection outside the pool, in autocommit mode; the caller closes it."""
        options = build_options(row_factory=self._psycopg.rows.dict_row, autocommit=True)
        connection: Connection = await self._psycopg.AsyncConnection.connect(self.url, **options)
        return connection

    def disown(self) -> None:
        """Let every further transaction fail: the row of this process is another's."""
        self._tables = ""

    async def close(self) -> None:
        """Close the connections, also when cancelled."""
        await finish(self._pool.close())

    def abandon(self) -> None:
        """
        Close the connections without awaiting: their event loop is gone, or this is a forked child.

        The child closes its copies of the sockets alone. psycopg would say goodbye to the server, which would end the
        parent's connections.
        """
        _ABANDONED.append(self)  # the destructors of psycopg would complain
        for connection in list(self._pool._pool):  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # the idle ones
            if os.getpid() == self._pid:
                connection.pgconn.finish()
            else:
                os.close(connection.pgconn.socket)


_ABANDONED: List[Database] = []
