"""Waits for a job in PostgreSQL: they are told when it has ended."""

from __future__ import annotations

import asyncio

import pytest

from bluma_async import AsyncBluma
from bluma_async.errors import WaitTimeoutError
from bluma_async.sandbox import Sandbox
from bluma_async.stores.postgres.jobs import PostgresJobStore
from tests.batch.helpers import make_rows
from tests.postgres import PostgresServer
from tests.stores.steps import require_job

LISTENING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query = 'LISTEN bluma'"


class StillClock:
    """A clock that stands still: a sleep on it never ends."""

    def now(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        await asyncio.get_running_loop().create_future()


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
