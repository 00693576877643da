"""A batch and its store: any store will do, and a refused step ends the run."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

from bluma.types import BatchResult
from bluma_async import AsyncBluma, errors
from bluma_async.batch.api import BatchApi
from bluma_async.batch.batch import Batch
from bluma_async.batch.options import BatchOptions
from bluma_async.sandbox import Sandbox
from bluma_async.stores.memory.jobs import MemoryJobStore
from bluma_async.stores.states import JobState
from tests.batch.helpers import TEMPLATE, change_journal, make_rows, run_all


def batch_in_memory(client: AsyncBluma, store: MemoryJobStore, **more: Any) -> Batch:
    """Return a batch that uses a store in memory."""
    fixed = {"concurrency": 4, "max_credits": None, "on_error": "collect", "poll_interval": 0.01, "timeout": 60}
    options = BatchOptions.checked("unused", None, **{**fixed, "on_change": None, **more})

    async def open_store(*, to_write: bool, only_plans: bool = False) -> MemoryJobStore:
        return store

    session = client._session.with_options({"exclusive": options.exclusive})
    return Batch(options, BatchApi(session, client._hub), open_store)


async def test_a_batch_runs_on_a_store_in_memory(quick: Sandbox, client: AsyncBluma) -> None:
    """The results are those of a journal: failures are retried, finished jobs are skipped, nothing is billed twice."""
    batch = batch_in_memory(client, MemoryJobStore())
    jobs = [*make_rows(5), {"template_id": TEMPLATE, "prompt": "x [fail]", "key": "bad"}]

    first = {result.key: result.state for result in await run_all(batch, jobs)}
    again = await run_all(batch, jobs)
    count = await batch.retry()
    retried = await run_all(batch)

    assert first == {**{f"k{n}": "rendered" for n in range(5)}, "bad": "failed"}
    assert (again, count, [result.key for result in retried]) == ([], 1, ["bad"])
    assert [result.key async for result in batch.results("failed")] == ["bad"]
    assert ((await batch.status()).credits_net, quick.state()["billed"]) == (10, 7)


async def test_a_store_in_memory_uses_no_threads(quick: Sandbox, client: AsyncBluma) -> None:
    """A simulation with virtual time needs every step to run inline."""
    await run_all(batch_in_memory(client, MemoryJobStore()), make_rows(1))  # connects, which resolves names in a thread
    before = set(threading.enumerate())

    await run_all(batch_in_memory(client, MemoryJobStore()), make_rows(3))

    assert set(threading.enumerate()) <= before


async def test_a_create_that_was_interrupted_is_found_from_memory(quick: Sandbox, client: AsyncBluma) -> None:
    """The store outlives the batch: the next run searches for the create that the first one left open."""
    store = MemoryJobStore()
    quick.faults.add("POST /videos", "drop_after")
    quick.faults.add("GET /videos", "drop_before", times=None, skip=1)
    [lost] = await run_all(batch_in_memory(client, store, exclusive=True), make_rows(1))
    quick.faults.clear()

    [found] = await run_all(batch_in_memory(client, store, exclusive=True), make_rows(1))

    assert (lost.state, found.state) == ("creating", "rendered")
    assert quick.state()["billed"] == 1


async def test_invalid_rows_are_refused_by_any_store(client: AsyncBluma, sandbox: Sandbox) -> None:
    """The error names each row; nothing is planned."""
    batch = batch_in_memory(client, MemoryJobStore())

    with pytest.raises(errors.InvalidArgumentError, match="2 rows are invalid") as raised:
        await run_all(batch, [*make_rows(1), {"prompt": "x"}, *make_rows(1)])

    assert [entry["row"] for entry in raised.value.validation_errors] == ["job 2", "job 3"]
    assert (await batch.status()).total == 0


async def test_a_refused_step_stops_the_batch(quick: Sandbox, client: AsyncBluma, tmp_path: Path) -> None:
    """Another program changed the job: its create is not sent, and the error says why."""

    async def interfere(result: BatchResult) -> None:
        if result.state == JobState.CREATING:
            change = "UPDATE jobs SET state = 'saved'"
            await asyncio.get_running_loop().run_in_executor(None, change_journal, tmp_path, change)

    batch = client.batch(out=tmp_path, on_change=interfere)

    [result] = await run_all(batch, make_rows(1))

    assert "The step 'intend' of job 'k0' was not recorded" in str(result.error)
    assert f"in the journal {tmp_path / 'journal.sqlite'} it is saved" in str(result.error)
    assert batch.stopped is result.error
    assert quick.state()["billed"] == 0
