"""A database that does not answer any more, and processes that stand still inside a transaction."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any, AsyncIterator, Iterator, List
from urllib.parse import urlsplit

import pytest

from bluma_async import AsyncBluma, errors
from bluma_async.sandbox import Sandbox
from bluma_async.stores.jobs import Job
from bluma_async.stores.postgres import bounds, member
from bluma_async.stores.postgres import database as database_module
from bluma_async.stores.postgres.database import Database
from bluma_async.stores.postgres.failures import LostDatabaseError
from bluma_async.stores.postgres.jobs import PostgresJobStore
from bluma_async.stores.postgres.plans import LOCK
from bluma_async.stores.postgres.rows import execute, fetch_one
from tests.postgres import PostgresServer
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


WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
JOB = Job("k", "{}", "t", None, "row 1")


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


async def test_the_calls_of_a_process_that_ends_share_one_deadline(
    postgres: str, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each call alone would retry for half a minute. A later one still has an attempt, which a database may answer."""
    monkeypatch.setattr(database_module, "BRIEF", 0.1)
    database = await Database.open(through(proxy, postgres), to_write=True)
    own = await Database.open(postgres, to_write=True)
    await asyncio.to_thread(proxy.close)
    began = time.monotonic()
    for ending in (database, own):
        ending.limit_retries(0.1)
        ending.limit_retries(60.0)  # a second request to end grants no more time

    for _ in range(3):
        with pytest.raises(LostDatabaseError):
            await database.do(ask)

    assert time.monotonic() - began < 5
    assert await own.do(ask) == {"one": 1}
    await asyncio.gather(database.close(), own.close())


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


async def test_a_cancelled_plan_ends_at_once(postgres: str, postgres_server: PostgresServer) -> None:
    """It waits for a lock; its statement is cancelled in the server, and nothing is planned."""
    store = await PostgresJobStore.open(postgres, to_write=True)
    blocker = await Database.open(postgres, to_write=True)
    began = time.monotonic()

    async def hold(db: Any, _: bool) -> Any:
        await execute(db, "SELECT pg_advisory_xact_lock(%s, hashtext(current_schema()))", LOCK)
        planning = asyncio.ensure_future(store.plan_all([JOB], most=1))
        while postgres_server.fetch(postgres, WAITING) == [(0,)]:
            await asyncio.sleep(0.01)
        planning.cancel()
        await asyncio.wait([planning])
        assert planning.cancelled()
        return postgres_server.fetch(postgres, WAITING)

    assert await blocker.do(hold, patience=10.0) == [(0,)]
    assert time.monotonic() - began < 5
    assert await store.find("k") is None
    await store.close()
    await blocker.close()


async def test_a_cancelled_plan_ends_although_the_server_does_not_answer(
    postgres: str, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The request to cancel its statement gets no answer either."""
    monkeypatch.setattr(bounds, "MOMENT", 0.1)
    store = await PostgresJobStore.open(through(proxy, postgres), to_write=True, only_plans=True)
    is_cut = asyncio.Event()
    loop = asyncio.get_running_loop()

    def read_rows() -> Iterator[Job]:
        yield JOB
        proxy.cut()
        loop.call_soon_threadsafe(is_cut.set)

    planning = asyncio.ensure_future(store.submit(read_rows(), most=1))
    await is_cut.wait()
    await asyncio.sleep(0.1)  # the end of the copy is sent to a socket, which reports nothing
    began = time.monotonic()
    planning.cancel()
    await asyncio.wait([planning])

    assert time.monotonic() - began < 3
    proxy.restore()
    assert await store.find("k") is None
    await store.close()


async def test_a_process_that_ends_does_not_wait_for_its_last_renewal(
    postgres: str, postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another program has locked the table of its lease; that is not given back then, and ends by itself."""
    monkeypatch.setattr(member, "PARTING", 0.3)
    store = await PostgresJobStore.open(postgres, to_write=True, lease=0.003)
    blocker = await Database.open(postgres, to_write=True)

    async def hold(db: Any, _: bool) -> float:
        await execute(db, "LOCK TABLE bluma_workers")
        while postgres_server.fetch(postgres, WAITING) == [(0,)]:
            await asyncio.sleep(0.01)
        began = time.monotonic()
        await store.close()
        return time.monotonic() - began

    took = await blocker.do(hold, patience=20.0)

    assert took < 5
    await blocker.close()
