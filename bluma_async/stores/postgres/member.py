"""
One process among those that share a PostgreSQL database: its epoch, and the lease that it renews.

Rule 1: an epoch is given once. A process that was frozen beyond its lease keeps its epoch, and finds that its jobs have
other holders. One whose epoch was given to another process, because rows were restored, stops: each would take the
creates of the other for its own.
Rule 2: the database's clock decides who is alive. The clocks of the machines may be minutes apart.
Rule 3: a process that ends gives back what it holds, except open creates: only a search can settle those.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from typing import TYPE_CHECKING

from bluma_async._runtime.log import logger
from bluma_async.errors import BlumaError
from bluma_async.stores.postgres.database import Database
from bluma_async.stores.postgres.failures import ReplacedTablesError
from bluma_async.stores.postgres.rows import execute, fetch_one
from bluma_async.stores.sharing import BEATS, LEASE

if TYPE_CHECKING:
    from datetime import datetime

    from bluma_async.stores.postgres.rows import Connection, Row

__all__ = ["LEASE", "Member"]

FREE = """
UPDATE bluma_jobs SET holder = NULL, deferred_at = NULL WHERE place IN (
    SELECT place FROM bluma_jobs
    WHERE holder IN (SELECT epoch FROM bluma_workers WHERE ends_at < clock_timestamp()) AND state <> 'creating'
    FOR UPDATE SKIP LOCKED
)
"""
JOIN = """
INSERT INTO bluma_workers (name, ends_at) VALUES (%s, clock_timestamp() + %s * interval '1 second')
ON CONFLICT (epoch) DO NOTHING RETURNING epoch, began_at
"""
RENEW = """
INSERT INTO bluma_workers (epoch, name, began_at, ends_at)
VALUES (%s, %s, %s, clock_timestamp() + %s * interval '1 second')
ON CONFLICT (epoch) DO UPDATE SET ends_at = excluded.ends_at WHERE bluma_workers.began_at = excluded.began_at
"""
PARTING = 5.0  # seconds to give back everything; a lease that is not given back ends by itself
FORGOTTEN = 86400.0  # seconds after which a process that has ended is not listed any more


class Member:
    """This process, as the others see it."""

    def __init__(self, database: Database, epoch: int, began_at: datetime, name: str, lease: float) -> None:
        self.database = database
        self.epoch = epoch
        self._began_at = began_at  # tells this process from another one with its epoch
        self._name = name
        self.lease = lease
        self._beat = max(lease / BEATS, 1.0)  # seconds that a renewal may take: another one must fit into the lease
        self._task = asyncio.ensure_future(self._renew_forever())

    @classmethod
    async def join(cls, url: str, lease: float = LEASE) -> Member:
        """
        Connect to a database, and take part in it.

        Raises:
            BlumaError: The database cannot be used; see `Database.open`.
        """
        database = await Database.open(url, to_write=True)
        name = f"{socket.gethostname()}:{os.getpid()}"

        async def register(db: Connection, _: bool) -> Row:
            await _forget_old(db)
            while (row := await fetch_one(db, JOIN, name, lease)) is None:
                pass  # a sequence that was restored gives numbers that exist
            return row

        try:
            row = await database.do(register, finishes=False)
        except BaseException:
            await database.close()
            raise
        return cls(database, row["epoch"], row["began_at"], name, lease)

    async def renew(self) -> None:
        """
        Renew the lease, and free the jobs of processes whose lease has ended.

        The row is written again if it is missing: a process that was cut off for a day has been forgotten.

        Raises:
            ReplacedTablesError: The tables, or the row of this process, are another's.
            BlumaError: The database cannot be used.
        """

        async def beat(db: Connection, _: bool) -> None:
            if not await execute(db, RENEW, self.epoch, self._name, self._began_at, self.lease):
                self.database.disown()
                raise ReplacedTablesError(self.database.name)
            await free_jobs(db)

        await self.database.do(beat, retries=False, patience=self._beat, finishes=False)

    async def revive(self, db: Connection) -> None:
        """Begin a lease that has ended: what a process without one claims is free again at once."""
        ends = "clock_timestamp() + %s * interval '1 second'"
        statement = f"UPDATE bluma_workers SET ends_at = {ends} WHERE epoch = %s AND ends_at < clock_timestamp()"  # noqa: S608 - a constant
        await execute(db, statement, self.lease, self.epoch)

    async def leave(self) -> None:
        """
        Give back what this process holds, and close the connections.

        While an event loop ends, its tasks are cancelled already, and connections cannot be opened any more: the lease
        ends by itself then.
        """
        if self._task.done():
            await self.database.close()
            return
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

        async def end(db: Connection, _: bool) -> None:
            await execute(db, "UPDATE bluma_workers SET ends_at = clock_timestamp() WHERE epoch = %s", self.epoch)
            held = "UPDATE bluma_jobs SET holder = NULL, deferred_at = NULL WHERE holder = %s AND state <> 'creating'"
            await execute(db, held, self.epoch)
            for table in ("bluma_grants", "bluma_leases"):
                await execute(db, f"DELETE FROM {table} WHERE epoch = %s", self.epoch)  # noqa: S608 - constants

        with contextlib.suppress(BlumaError):  # the lease ends by itself
            await self.database.do(end, retries=False, patience=PARTING)
        await self.database.close()

    def abandon(self) -> None:
        """Close the connections without awaiting. The lease ends by itself."""
        self.database.abandon()

    async def _renew_forever(self) -> None:
        """Renew the lease again and again; log once that the database is lost, and once that it is back."""
        is_lost = False
        while True:
            await asyncio.sleep(min(self.lease / BEATS, 1.0) if is_lost else self.lease / BEATS)
            try:
                await self.renew()
            except ReplacedTablesError as problem:
                logger.error("%s", problem)
                return
            except BlumaError as problem:
                if not is_lost:
                    logger.warning("The lease of this process could not be renewed: %s", problem)
                is_lost = True
                continue
            if is_lost:
                logger.warning("The lease of this process is renewed: %s can be used again.", self.database.name)
            is_lost = False


async def free_jobs(db: Connection) -> None:
    """
    Free the jobs of processes whose lease has ended; their tasks are due again.

    Open creates stay: they are settled, not created again.
    """
    await execute(db, FREE)


async def _forget_old(db: Connection) -> None:
    """Delete processes that have ended, and states of videos, of more than a day ago."""
    states = "DELETE FROM bluma_states WHERE greatest(at, polled_until) < clock_timestamp() - %s * interval '1 second'"
    await execute(db, states, FORGOTTEN)
    await execute(
        db,
        "DELETE FROM bluma_workers WHERE ends_at < clock_timestamp() - %s * interval '1 second' "
        "AND epoch NOT IN (SELECT holder FROM bluma_jobs WHERE holder IS NOT NULL)",
        FORGOTTEN,
    )
