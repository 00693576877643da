"""Waits for a job in PostgreSQL: they are told when it has ended."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bluma_async import AsyncBluma
from bluma_async.batch import waits
from bluma_async.errors import BlumaError, WaitTimeoutError
from bluma_async.sandbox import Sandbox
from bluma_async.stores.postgres.failures import LostDatabaseError
from bluma_async.stores.postgres.jobs import PostgresJobStore
from tests.batch.helpers import make_rows
from tests.fakes import FakeClock
from tests.postgres import PostgresServer, find_free_port
from tests.stores.steps import require_job

LISTENING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query = 'LISTEN bluma'"


class StillClock:
    """A clock that stands still: a sleep on it never ends."""

    def now(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        await asyncio.get_running_loop().create_future()


class LostStore(PostgresJobStore):
    """A store whose database is lost after the first read."""

    reads = 0
    is_lost = False
    answers = True

    async def find(self, key: str) -> Any:
        self.reads += 1
        while self.is_lost and not self.answers:
            await asyncio.sleep(3600)
        if self.is_lost:
            raise LostDatabaseError("The database could not be used.")
        self.is_lost = self.reads == 1
        return await super().find(key)


async def test_a_wait_is_told_when_its_job_has_ended(
    sandbox: Sandbox, client: AsyncBluma, postgres: str, postgres_server: PostgresServer
) -> None:
    """A notification ends the wait, which does not read the store in between."""
    await client.batch(postgres).submit(make_rows(1))
    async with AsyncBluma(sandbox.live_key, base_url=sandbox.base_url, clock=StillClock()) as still:
        waiting = asyncio.ensure_future(still.batch(postgres).wait("k0", timeout=60))
        while postgres_server.fetch(postgres, LISTENING) == [(0,)]:
            await asyncio.sleep(0.02)
        store = await PostgresJobStore.open(postgres, to_write=True)

        require_job(await store.fail(1, "refused"))

        assert str((await waiting).state) == "failed"
        await store.close()


async def test_a_wait_in_vain_reports_that_nobody_works(client: AsyncBluma, postgres: str) -> None:
    """A job that no process can take stays planned; the error names the reason, but not while a process works."""
    batch = client.batch(postgres)
    await batch.submit(make_rows(1))

    with pytest.raises(WaitTimeoutError) as alone:
        await batch.wait("k0", timeout=0)
    store = await PostgresJobStore.open(postgres, to_write=True)
    with pytest.raises(WaitTimeoutError) as accompanied:
        await batch.wait("k0", timeout=0)
    await store.close()

    reason = "(last seen: planned). No process that could work on the journal has it open now. It was not changed"
    assert reason in str(alone.value)
    assert "(last seen: planned). It was not changed; wait again with its key." in str(accompanied.value)


async def test_a_wait_goes_on_when_its_database_is_back(client: AsyncBluma, postgres: str) -> None:
    """The next message, or the next read, ends it."""
    await client.batch(postgres).submit(make_rows(1))
    store = await LostStore.open(postgres, to_write=True)
    waiting = asyncio.ensure_future(waits.wait_for_job(store, StillClock(), "k0", 60, saves=True))
    while store.reads < 2:  # the second one comes when the wait begins to listen
        await asyncio.sleep(0.01)

    store.is_lost = False
    require_job(await store.fail(1, "refused"))

    assert str((await waiting).state) == "failed"
    await store.close()


@pytest.mark.parametrize("answers", [True, False])
async def test_a_wait_whose_database_stays_lost_ends_at_its_timeout(
    client: AsyncBluma, postgres: str, monkeypatch: pytest.MonkeyPatch, *, answers: bool
) -> None:
    """The error says so, also if the database does not answer at all; it has the state that was seen last."""
    monkeypatch.setattr(waits, "LAST_READ", 0.01)
    await client.batch(postgres).submit(make_rows(1))
    store = await LostStore.open(postgres, to_write=True)
    store.answers = answers

    with pytest.raises(WaitTimeoutError) as raised:
        await waits.wait_for_job(store, FakeClock(), "k0", 0.1, saves=True)
    await store.close()

    assert f"(last seen: planned). Since then, the database {store.name} could not be read. It" in str(raised.value)


async def test_a_wait_whose_database_cannot_be_reached_fails_at_once(client: AsyncBluma) -> None:
    """The URL may be wrong; a wait of an hour would hide that."""
    pytest.importorskip("psycopg", reason="the extra fleet is not installed")
    with pytest.raises(BlumaError, match="cannot be reached") as raised:
        await client.batch(f"postgresql://127.0.0.1:{find_free_port()}/none").wait("k0")

    assert not isinstance(raised.value, WaitTimeoutError)
