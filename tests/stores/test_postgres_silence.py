"""A database that does not answer any more, and processes that stand still inside a transaction."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any, AsyncIterator, List
from urllib.parse import urlsplit

import pytest

from bluma_async import AsyncBluma, errors
from bluma_async.sandbox import Sandbox
from bluma_async.stores.postgres.database import Database
from bluma_async.stores.postgres.rows import execute, fetch_one
from tests.proxy import Proxy


@pytest.fixture
async def proxy(postgres: str) -> AsyncIterator[Proxy]:
    """Give a proxy in front of the database."""
    logging.getLogger("psycopg").setLevel(logging.CRITICAL)
    proxy = Proxy(urlsplit(postgres).port or 0)
    yield proxy
    proxy.close()


def through(proxy: Proxy, url: str) -> str:
    """Return the URL of a database, behind a proxy."""
    return url.replace(f":{urlsplit(url).port}/", f":{proxy.port}/")


async def ask(db: Any, _: bool) -> Any:
    """Run a statement."""
    return await fetch_one(db, "SELECT 1 AS one")


async def test_a_transaction_ends_although_the_server_does_not_answer(postgres: str, proxy: Proxy) -> None:
    """The connection was open before; the network between them passes nothing on any more."""
    database = await Database.open(through(proxy, postgres), to_write=True)
    await database.do(ask)
    proxy.cut()
    began = time.monotonic()

    with pytest.raises(errors.BlumaError, match=r"has not answered for 0\.3 s"):
        await database.do(ask, patience=0.3)

    assert time.monotonic() - began < 5
    proxy.restore()
    assert await database.do(ask) == {"one": 1}
    await database.close()


async def test_reads_go_on_although_the_database_does_not_answer(sandbox: Sandbox, postgres: str, proxy: Proxy) -> None:
    """The first one waits three seconds for its place in the budget, and the others do not wait."""
    url = through(proxy, postgres)
    async with AsyncBluma(sandbox.live_key, base_url=sandbox.base_url, shared=url) as client:
        await client.credits.get_balance()
        client._session.coordinator._membership.find().pacers.clear()  # type: ignore[union-attr]  # nothing is leased
        proxy.cut()
        began = time.monotonic()

        for _ in range(5):
            await client.credits.get_balance()

        assert time.monotonic() - began < 8
        proxy.restore()


async def test_a_process_that_stands_still_in_a_transaction_keeps_no_locks(postgres: str) -> None:
    """The server ends the transaction; the process runs it again when it goes on."""
    database = await Database.open(postgres, to_write=True)
    attempts: List[Any] = []

    async def stand_still(db: Any, is_repeated: bool) -> Any:
        setting = await fetch_one(db, "SELECT current_setting('idle_in_transaction_session_timeout') AS setting")
        attempts.append((is_repeated, setting))
        if not is_repeated:
            await execute(db, "SET LOCAL idle_in_transaction_session_timeout = '50ms'")
            await asyncio.sleep(0.3)  # the server's clock cannot be moved
        return await ask(db, is_repeated)

    assert await database.do(stand_still) == {"one": 1}
    assert attempts == [(False, {"setting": "15s"}), (True, {"setting": "15s"})]
    await database.close()
