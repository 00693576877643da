"""Errors that stop a batch early, because every further job would fail alike; a rate limit is waited for instead."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bluma_async import AsyncBluma, errors
from bluma_async.batch.batch import Batch
from bluma_async.sandbox import Sandbox
from tests.batch.helpers import TEMPLATE, make_rows, run_all
from tests.fakes import FakeClock, FakeTransport, answer, problem


async def test_credits_are_a_limit(quick: Sandbox, client: AsyncBluma, tmp_path: Path) -> None:
    """Nothing is submitted beyond max_credits, by the price of the resolution; a higher limit continues."""
    jobs = make_rows(2, resolution="4k") + [{"template_id": TEMPLATE, "prompt": "x", "key": "small"}]
    first = client.batch(out=tmp_path, max_credits=9, concurrency=3, poll_interval=0.01)
    second = client.batch(out=tmp_path, max_credits=14, poll_interval=0.01)

    results = await run_all(first, jobs)
    status = await first.status()
    more = await run_all(second, jobs)

    assert [result.key for result in results] == ["k0"]
    assert (status.planned, status.credits_net) == (2, 6)
    assert isinstance(first.stopped, errors.InsufficientCreditsError)
    assert ({result.key for result in more}, second.stopped) == ({"k1", "small"}, None)


async def test_an_empty_account_stops_submitting(client: AsyncBluma, tmp_path: Path) -> None:
    """After a 402 nothing is submitted; paid videos are waited for and saved, and the other jobs stay planned."""
    async with Sandbox(clock="manual", render=False, credits=4) as sandbox:
        sandbox.watch(lambda record: sandbox.advance(105) if record.status == 202 else None)
        async with AsyncBluma(sandbox.live_key, base_url=sandbox.base_url) as poor:
            batch = poor.batch(out=tmp_path, poll_interval=0.01)

            results = await run_all(batch, make_rows(4))

            assert {result.state for result in results} == {"saved"}
            assert isinstance(batch.stopped, errors.InsufficientCreditsError)
            assert ((await batch.status()).planned, sandbox.state()["billed"]) == (2, 2)


async def test_an_unreachable_api_stops_the_batch_and_loses_nothing(quick: Sandbox, batch: Batch) -> None:
    """A create that was certainly refused stays planned; the batch says why it stopped, and the next run continues."""
    quick.faults.add("POST /videos", "status", status=503, times=4)

    results = await run_all(batch, make_rows(3))
    stopped, status = batch.stopped, await batch.status()
    again = await run_all(batch, make_rows(3))

    assert isinstance(stopped, errors.ServerError)
    assert len(results) + status.planned == 3
    assert len(again) == status.planned > 0
    assert quick.state()["billed"] == 3


async def test_a_rate_limit_is_waited_for(tmp_path: Path) -> None:
    """After a 429 the create is sent again when the server allows it; the job does not fail."""
    clock = FakeClock()
    refusal = problem(429, metadata={"retry_after": 1800})
    replies = [refusal, answer(202, {"id": "batch_1", "status": "queued"})]

    def serve(request: Any) -> Any:
        if request.method == "POST":
            return replies.pop(0)
        return answer(200, {"id": "batch_1", "status": "completed"}, {"Date": "Mon, 03 Nov 2025 10:30:00 GMT"})

    transport = FakeTransport(serve, clock=clock)
    async with AsyncBluma("bluma_test_key", transport=transport, clock=clock) as client:
        results = await run_all(client.batch(journal=tmp_path / "jobs.sqlite"), make_rows(1))

    assert (results[0].state, 1800.0 in clock.slept) == ("rendered", True)


async def test_a_create_with_an_unknown_outcome_stops_the_batch(quick: Sandbox, exclusive: Batch) -> None:
    """Its answer was lost and the search failed: it stays `creating`, and the next run searches for it first."""
    quick.faults.add("POST /videos", "drop_after")
    quick.faults.add("GET /videos", "drop_before", times=None, skip=1)

    [lost] = await run_all(exclusive, make_rows(1))
    quick.faults.clear()
    [found] = await run_all(exclusive, make_rows(1))

    assert (lost.state, found.state) == ("creating", "saved")
    assert isinstance(lost.error, errors.AmbiguousCreateError)
    assert exclusive.stopped is None
    assert quick.state()["billed"] == 1
