"""
What every connection to a database has in common, the task engine's too.

Rule 1: nothing outlives a transaction, neither a prepared statement nor a setting. A pooler such as PgBouncer may give
each transaction another connection to the server, and that connection to other programs afterwards.
Rule 2: a pool that cannot connect gives up soon, and tries again for the next call. Its pauses double until it gives
up, and the pauses of psycopg's default of 5 minutes would outlast an outage by minutes.
Rule 3: psycopg logs nothing about the pools of the SDK, in no program. Its lines would come for each connection and
each attempt to connect; the SDK reports a lost database once. The pools of the application log as ever.
Rule 4: each transaction learns which tables it works on. Tables that were dropped and made anew, or restored from a
dump, have other object ids; the id in `bluma_meta` tells two journals apart whose object ids are the same.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Dict

if TYPE_CHECKING:
    from bluma_async.stores.postgres.rows import Connection, Row

__all__ = ["CONNECT_TIMEOUT", "begin", "begin_on_tables", "build_options", "build_pool_options", "find_tables"]

CONNECT_TIMEOUT = 10.0  # seconds
MOST_CONNECTIONS = 4  # of one pool
POOL = "bluma pool"  # the name of each
# A connection whose other end is silent fails after about 20 s: all that waits for it is then told that it is lost.
ALIVE = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 2, "tcp_user_timeout": 20_000}
BEGIN = (
    b"BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL synchronous_commit = on; SET LOCAL TimeZone = 'UTC'; "
    b"SET LOCAL idle_in_transaction_session_timeout = '15s'"
)
TABLES = b"SELECT value || ' ' || 'bluma_workers'::regclass::oid AS id FROM bluma_meta WHERE name = 'journal'"


def build_options(timeout: float = CONNECT_TIMEOUT, **others: Any) -> Dict[str, Any]:
    """
    Return the arguments of a connection.

    Args:
        timeout: Seconds to connect.
        **others: Further arguments.
    """
    return {"prepare_threshold": None, "connect_timeout": max(2, round(timeout)), **ALIVE, **others}


def build_pool_options(timeout: float = CONNECT_TIMEOUT, **others: Any) -> Dict[str, Any]:
    """
    Return the arguments of a pool that connects when a connection is needed.

    Args:
        timeout: Seconds to wait for a connection.
        **others: Further arguments of each connection.
    """
    logging.getLogger("psycopg.pool").addFilter(_is_foreign)  # which is there once, however often it is added
    fixed = {"name": POOL, "min_size": 0, "max_size": MOST_CONNECTIONS}
    return {"kwargs": build_options(timeout, **others), "timeout": timeout, "reconnect_timeout": timeout, **fixed}


def _is_foreign(record: logging.LogRecord) -> bool:
    """Return whether a record of psycopg names neither a pool of the SDK, nor a connection or a task of one."""
    named = [arg if isinstance(arg, str) else _name_pool(arg) for arg in record.args or ()]
    return not any(name.startswith(POOL) for name in named)


def _name_pool(connection: object) -> str:
    return str(getattr(getattr(connection, "_pool", None), "name", ""))


async def begin(db: Connection) -> None:
    """
    Begin a transaction on a connection in autocommit mode, in one message, with what must not depend on the server.

    A statement behind a lock must see what the last holder wrote, so the isolation is READ COMMITTED whatever the
    default. A commit waits for the disk: a recorded intent must survive a power cut. Times come in UTC: for other
    zones, psycopg reads files in the event loop. A process that is frozen or cut off inside a transaction does not keep
    its locks.
    """
    await db.execute(BEGIN)


async def begin_on_tables(db: Connection) -> str | None:
    """Begin a transaction in the same way, and return the identity of the tables, all in one message."""
    cursor = await db.execute(BEGIN + b"; " + TABLES)
    while cursor.nextset():
        pass
    return _read_id(await cursor.fetchone())


async def find_tables(db: Connection) -> str | None:
    """Return the identity of the tables; None if they have none."""
    return _read_id(await (await db.execute(TABLES)).fetchone())


def _read_id(row: Row | None) -> str | None:
    return None if row is None else str(row["id"])
