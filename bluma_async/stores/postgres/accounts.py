"""The account that all keys of a database belong to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bluma_async.stores.postgres import queries
from bluma_async.stores.postgres.rows import execute, fetch_one

if TYPE_CHECKING:
    from bluma_async.stores.postgres.rows import Connection

__all__ = ["write_account"]


async def write_account(db: Connection, fingerprint: str) -> None:
    """Record that a key belongs to the account of the database, whose first key it may be."""
    await queries.write_meta(db, "account", fingerprint)
    number = await queries.read_account(db)
    known = await fetch_one(db, "SELECT account FROM bluma_keys WHERE fingerprint = %s", fingerprint)
    if not number:
        number = known["account"] if known else await _add_account(db)
        await execute(db, "UPDATE bluma_intents SET account = %s WHERE account = 0", number)
        old = "UPDATE bluma_accounts SET spent = spent + (SELECT spent FROM bluma_accounts WHERE id = 0) WHERE id = %s"
        await execute(db, old, number)
        await queries.write_meta(db, "account_number", str(number))
    statement = (
        "INSERT INTO bluma_keys (fingerprint, account) VALUES (%s, %s) ON CONFLICT (fingerprint) DO UPDATE "
        "SET account = %s"
    )
    await execute(db, statement, fingerprint, number, number)


async def _add_account(db: Connection) -> int:
    """Return the number of a new account."""
    row: Any = await fetch_one(db, "INSERT INTO bluma_accounts DEFAULT VALUES RETURNING id")
    return int(row["id"])
