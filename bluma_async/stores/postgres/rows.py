"""Run statements on a PostgreSQL connection, and read rows as dictionaries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, List

if TYPE_CHECKING:
    from psycopg import AsyncConnection
    from typing_extensions import TypeAlias

    Connection: TypeAlias = AsyncConnection[Dict[str, Any]]

__all__ = ["Connection", "execute", "fetch_all", "fetch_one"]

Row = Dict[str, Any]


async def execute(db: Connection, statement: str, *values: Any) -> int:
    """Run a statement, and return the number of rows that it changed."""
    # psycopg takes text only from literals; as bytes, a statement of this room is accepted.
    return (await db.execute(statement.encode(), values or None)).rowcount


async def fetch_all(db: Connection, statement: str, *values: Any) -> List[Row]:
    """Run a statement, and return all its rows."""
    return await (await db.execute(statement.encode(), values or None)).fetchall()


async def fetch_one(db: Connection, statement: str, *values: Any) -> Row | None:
    """Run a statement, and return its first row; None if it has none."""
    return await (await db.execute(statement.encode(), values or None)).fetchone()
