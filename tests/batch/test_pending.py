"""Batches with `reuse="content"`: a create of another program without a known outcome holds its content."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from bluma_async import AsyncBluma, errors
from bluma_async.batch.abandoned import ON_REQUEST
from bluma_async.batch.bought_contents import BoughtContents
from bluma_async.batch.live import open_live
from bluma_async.resources._creates.pending import begin_pending
from bluma_async.resources._creates.reuse import ContentReuse
from bluma_async.sandbox import Sandbox
from bluma_async.stores.jobs import Intent, Job
from bluma_async.stores.memory.jobs import MemoryJobStore
from tests.batch.helpers import TEMPLATE, change_journal, forget_process, make_rows, run_all
from tests.batch.test_reuse import make_batch, same
from tests.resources.test_pending import hash_of, list_keys

CONTENT = hash_of({"prompt": "The same"})


async def test_another_journal_does_not_buy_what_may_have_been_bought(
    quick: Sandbox, client: AsyncBluma, tmp_path: Path
) -> None:
    """Its job stays planned, and says why; the others go on. Once the first job has its video, that is reused."""
    quick.faults.add("POST /videos", "drop_after", times=1)
    one = make_batch(client.with_options(max_retries=0), tmp_path / "one")
    (lost,) = await run_all(one, same("a"))
    forget_process(client)
    two = make_batch(client, tmp_path / "two", concurrency=1)

    results = {result.key: result for result in await run_all(two, [*same("b"), *make_rows(1)])}
    (candidate,) = lost.candidates
    await one.adopt("a", candidate)
    (later,) = await run_all(two)

    assert (results["b"].state, results["k0"].state, two.stopped) == ("planned", "saved", None)
    assert "An earlier create of the same content" in str(results["b"].error)
    assert (later.reused, later.video_id, quick.state()["billed"]) == (True, candidate, 2)
    assert await list_keys(client) == []


async def test_a_job_whose_content_a_killed_program_did_not_buy_is_created(
    quick: Sandbox, client: AsyncBluma, tmp_path: Path
) -> None:
    """The search proves that nothing was bought."""
    await begin_pending(client._session, CONTENT, "killed", TEMPLATE)

    (result,) = await run_all(make_batch(client, tmp_path), same("a"))

    assert (result.state, result.reused, quick.state()["billed"]) == ("saved", False, 1)
    assert await list_keys(client) == []


@pytest.mark.parametrize("in_doubt", ["leave", "resubmit"])
async def test_the_journal_decides_about_its_own_create(
    quick: Sandbox, client: AsyncBluma, tmp_path: Path, in_doubt: Any
) -> None:
    """A job that is planned again buys its content, although candidates are left: the user has asked for it."""
    quick.faults.add("POST /videos", "drop_after", times=1)
    batch = make_batch(client.with_options(max_retries=0), tmp_path)
    await run_all(batch, same("a"))
    recorded = await list_keys(client)
    forget_process(client)

    await batch.retry(in_doubt=in_doubt)
    results = [result.state for result in await run_all(batch)]

    assert (len(recorded), results) == (1, ["saved"] if in_doubt == "resubmit" else [])
    assert await list_keys(client) == ([] if in_doubt == "resubmit" else recorded)


@pytest.mark.parametrize("status", [402, 422])
async def test_a_refused_job_leaves_no_record(quick: Sandbox, client: AsyncBluma, tmp_path: Path, status: int) -> None:
    """Another program can buy its content at once."""
    quick.faults.add("POST /videos", "status", status=status, times=1)

    await run_all(make_batch(client, tmp_path), same("a"))

    assert (await list_keys(client), quick.state()["billed"]) == ([], 0)


async def test_a_job_of_a_killed_run_keeps_its_record_until_it_is_settled(
    quick: Sandbox, client: AsyncBluma, tmp_path: Path
) -> None:
    """The next run of its journal proves that it was not accepted, and creates it without a second search."""
    batch = make_batch(client, tmp_path)
    await batch.submit(same("a"))
    change = "UPDATE jobs SET state = 'creating', request_key = 'killed', started_at = ? WHERE key = ?"
    change_journal(tmp_path, change, "2025-11-03T10:00:00+00:00", "a")
    await begin_pending(client._session, CONTENT, "killed", TEMPLATE)

    (result,) = await run_all(batch)

    assert (result.state, quick.state()["billed"], await list_keys(client)) == ("saved", 1, [])


async def test_a_create_on_request_that_was_not_accepted_leaves_no_record(
    quick: Sandbox, client: AsyncBluma, tmp_path: Path
) -> None:
    """Its job has failed, so that no run creates it."""
    batch = make_batch(client, tmp_path)
    await batch.submit(same("a"))
    change = "UPDATE jobs SET state = 'creating', request_key = 'killed', started_at = ?, origin = ? WHERE key = 'a'"
    change_journal(tmp_path, change, "2025-11-03T10:00:00+00:00", ON_REQUEST)
    await begin_pending(client._session, CONTENT, "killed", TEMPLATE)

    async with open_live(batch) as live:
        settled, _ = await live.look("a")

    assert (settled.state, await list_keys(client)) == ("failed", [])


async def test_a_video_that_was_billed_before_the_run_was_killed_ends_the_record(
    quick: Sandbox, client: AsyncBluma, tmp_path: Path
) -> None:
    """The next run of the journal knows the video of its own create."""
    batch = make_batch(client, tmp_path, reuse=None)
    await run_all(batch, same("a"))
    change_journal(tmp_path, "UPDATE jobs SET request_key = ? WHERE key = ?", "killed", "a")
    await begin_pending(client._session, CONTENT, "killed", TEMPLATE)

    await run_all(make_batch(client, tmp_path))

    assert await list_keys(client) == []


async def test_a_cancelled_run_keeps_the_record_of_a_create_in_flight(
    quick: Sandbox, client: AsyncBluma, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its journal has an intent without an outcome."""
    monkeypatch.setattr("bluma_async.batch.job_creator.GRACE", 0.0)
    quick.faults.add("POST /videos", "silent", times=1)
    batch = make_batch(client, tmp_path)

    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(run_all(batch, same("a")), 0.5)
    forget_process(client)

    assert len(await list_keys(client)) == 1
    with pytest.raises(errors.AmbiguousCreateError):
        await client.with_options(reuse="content").videos.create({"prompt": "The same"}, TEMPLATE)


async def test_a_journal_that_processes_share_waits_for_a_create_of_another_program(
    quick: Sandbox, client: AsyncBluma, postgres: str, tmp_path: Path
) -> None:
    """Its database knows the creates of its jobs alone. `client.settle()` determines the other one."""
    await begin_pending(client._session, CONTENT, "killed", TEMPLATE)
    batch = client.batch(postgres, out=tmp_path, poll_interval=0.01, reuse="content")

    (waiting,) = await run_all(batch, same("a"))
    (settled,) = await client.with_options(reuse="content").settle()
    (made,) = await run_all(batch)

    assert (waiting.state, settled.result, made.state) == ("planned", "not_accepted", "saved")
    assert "settle()" in str(waiting.error)
    assert await list_keys(client) == []


async def test_a_video_that_a_cancelled_run_has_billed_is_remembered(client: AsyncBluma) -> None:
    """The journal has it; the run had no time to record it for other programs."""
    body = {"template_id": TEMPLATE, "context": {"prompt": "The same"}}
    store: Any = MemoryJobStore()
    job = await store.plan(Job("a", json.dumps(body), TEMPLATE, None, "job a"))
    reuse = ContentReuse(client.with_options(reuse="content")._session)

    async def bill_and_end() -> None:
        async with BoughtContents(reuse, store).pending(job, CONTENT, "key-1"):
            await store.intend(job.place, Intent("key-1", None))
            await store.bill(job.place, "batch_1", 2, request_key="key-1")
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await bill_and_end()

    assert await reuse.find_known([CONTENT]) == {CONTENT: "batch_1"}
    assert await list_keys(client) == []
