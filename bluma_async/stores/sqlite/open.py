"""
Create SQLite databases that several threads and processes may open at the same moment.

Rule 1: a change to WAL is retried here. SQLite reports "database is locked" for it at once while another connection
reads or writes, because it upgrades a read lock, for which the busy handler is not called.
Rule 2: whether a database is new is decided again inside the transaction that creates its tables: another connection
may have created them since.
"""

from __future__ import annotations

import sqlite3
import time
from typing import Callable

__all__ = ["create_once"]

SWITCH = "PRAGMA journal_mode = WAL"
PAUSE = 0.01  # seconds between two attempts to switch to WAL


def create_once(
    database: sqlite3.Connection,
    schema: str,
    is_new: Callable[[sqlite3.Connection], bool],
    *,
    timeout: float,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """
    Create the tables of a database in WAL mode, unless another connection has created them.

    Args:
        database: A connection in autocommit mode (`isolation_level=None`).
        schema: Statements separated by semicolons; all of them are run in one transaction.
        is_new: Whether the tables are missing. It is called outside and inside a transaction, and may raise.
        timeout: Seconds for which a switch to WAL is retried while other connections use the database.
        sleep: Waits between two attempts.

    Raises:
        sqlite3.OperationalError: The database stayed locked, or the disk refuses.
    """
    if not is_new(database):
        return
    _switch_to_wal(database, round(timeout / PAUSE), sleep)
    database.execute("BEGIN IMMEDIATE")
    try:
        if is_new(database):
            for statement in schema.split(";"):
                database.execute(statement)
    except BaseException:
        database.execute("ROLLBACK")
        raise
    database.execute("COMMIT")


def _switch_to_wal(database: sqlite3.Connection, retries: int, sleep: Callable[[float], None]) -> None:
    for _ in range(retries):
        if _is_switched(database):
            return
        sleep(PAUSE)
    database.execute(SWITCH)


def _is_switched(database: sqlite3.Connection) -> bool:
    try:
        database.execute(SWITCH)
    except sqlite3.OperationalError as error:
        if "locked" not in str(error):
            raise
        return False
    return True
