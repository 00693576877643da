"""PostgreSQL behind a pooler that gives each transaction another connection to the server."""

from __future__ import annotations

from typing import Any, Dict, Iterator
from urllib.parse import urlsplit

import pytest

from bluma_async.stores.postgres.database import Database
from bluma_async.stores.postgres.rows import fetch_one
from tests.pooler import Pooler

SETTINGS = ("synchronous_commit", "TimeZone", "idle_in_transaction_session_timeout")
QUERY = "SELECT " + ", ".join(f"current_setting('{name}') AS \"{name}\"" for name in SETTINGS)


@pytest.fixture
def pooled(postgres: str) -> Iterator[str]:
    """Give the URL of a database behind a pooler with one connection to the server."""
    port = urlsplit(postgres).port or 0
    pooler = Pooler(port, size=1)
    yield postgres.replace(f":{port}/", f":{pooler.port}/")
    pooler.close()


async def test_each_transaction_has_its_settings_and_leaves_none(pooled: str) -> None:
    """Another program has settings of its own on the same connection to the server; both keep theirs."""
    import psycopg

    chosen = ("off", "Asia/Tokyo", "1min")
    database = await Database.open(pooled, to_write=True)
    other = await psycopg.AsyncConnection.connect(pooled, autocommit=True, prepare_threshold=None)

    async def read(db: Any, _: bool) -> Dict[str, Any]:
        return await fetch_one(db, QUERY) or {}

    before = await database.do(read)
    for name, value in zip(SETTINGS, chosen):
        await other.execute(f"SET {name} = '{value}'")
    after = await database.do(read)
    found = await (await other.execute(QUERY)).fetchone()
    await other.close()
    await database.close()

    assert before == after == dict(zip(SETTINGS, ("on", "UTC", "15s")))
    assert found == chosen
