"""Creates whose answer was lost, in this run or in one that was killed: found again, sent again, or in doubt."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from bluma_async import AsyncBluma, errors
from bluma_async.batch.batch import Batch
from bluma_async.sandbox import Sandbox
from bluma_async.sandbox.request_log import RequestRecord
from tests.batch.helpers import TEMPLATE, forget_process, make_rows, rewind, run_all
from tests.servers import as_another_process


async def test_lost_answers_are_one_bill_each(quick: Sandbox, exclusive: Batch) -> None:
    """The answer of every create is cut: each video is found, because nobody else creates."""
    quick.faults.add("POST /videos", "drop_after", times=None)

    results = await run_all(exclusive, make_rows(10))

    assert len({result.video_id for result in results}) == 10
    assert {result.state for result in results} == {"saved"}
    assert quick.state()["billed"] == 10


async def test_without_evidence_a_lost_answer_is_in_doubt(quick: Sandbox, batch: Batch) -> None:
    """Being the only candidate is not evidence: somebody else may have created it. Other jobs continue."""
    quick.faults.add("POST /videos", "drop_after", times=3)

    results = await run_all(batch, make_rows(5))

    states = [str(result.state) for result in results]
    assert (states.count("in_doubt"), states.count("saved")) == (3, 2)
    assert [len(result.candidates) for result in results if result.state == "in_doubt"] == [1] * 3
    assert (await run_all(batch, make_rows(5)), quick.state()["billed"]) == ([], 5)


@pytest.mark.parametrize(
    ("names_charge", "template_fails", "expected"), [(False, False, 3), (True, False, 3), (False, True, 0)]
)
async def test_the_charge_of_an_adopted_video_is_recorded(
    quick: Sandbox, batch: Batch, names_charge: bool, template_fails: bool, expected: int
) -> None:
    """Its create has no answer. If the API names no charge, it is the price: the limit on credits has to count it."""
    quick.faults.add("POST /videos", "drop_after")
    quick.cruelty = quick.cruelty.change(no_credits_charged=not names_charge)
    [result] = await run_all(batch, make_rows(1, resolution="1080p"))
    if template_fails:
        quick.faults.add("GET /templates/{id}", "status", status=403, times=None)

    adopted = await batch.adopt("k0", result.candidates[0])
    status = await batch.status()

    assert (adopted.credits_charged, status.credits_charged) == (expected, expected)


async def test_a_job_with_two_candidates_is_in_doubt(quick: Sandbox, client: AsyncBluma, batch: Batch) -> None:
    """A job with two candidates is not billed again until it is adopted or resubmitted; other jobs are not affected."""
    quick.faults.add("POST /videos", "status_after", status=500)
    strangers = AsyncBluma(quick.live_key, base_url=as_another_process(quick.base_url))

    async def intrude(record: RequestRecord) -> None:
        if record.route == "POST /videos" and quick.state()["billed"] == 1:
            await strangers.videos.create({"prompt": "theirs"}, TEMPLATE)

    quick.watch(intrude)
    results = {result.key: result for result in await run_all(batch, make_rows(3))}
    doubt = next(result for result in results.values() if result.state == "in_doubt")

    again = await run_all(batch, make_rows(3))
    adopted = await batch.adopt(doubt.key, doubt.candidates[1])
    [saved] = await run_all(batch, make_rows(3))
    await strangers.aclose()

    assert isinstance(doubt.error, errors.AmbiguousCreateError)
    assert (len(doubt.candidates), again) == (2, [])
    assert (adopted.video_id, saved.state, saved.key) == (doubt.candidates[1], "saved", doubt.key)
    assert quick.state()["billed"] == 4


async def test_jobs_in_doubt_can_be_resubmitted(quick: Sandbox, batch: Batch, tmp_path: Path) -> None:
    """Only if the user asks for it; `adopt` refuses other jobs' videos and jobs that are not in doubt."""
    await run_all(batch, make_rows(2))
    with contextlib.closing(sqlite3.connect(tmp_path / "journal.sqlite")) as journal, journal:
        journal.execute("UPDATE jobs SET state = 'in_doubt', candidates = '[\"a\", \"b\"]' WHERE key = 'k0'")
        (other,) = journal.execute("SELECT video_id FROM jobs WHERE key = 'k1'").fetchone()

    [listed] = [result async for result in batch.results("in_doubt")]
    with pytest.raises(errors.InvalidArgumentError, match="belongs to another job or create"):
        await batch.adopt("k0", other)
    for key in ("k1", "unknown"):
        with pytest.raises(errors.InvalidArgumentError, match="not in doubt"):
            await batch.adopt(key, other)
    assert listed.candidates == ["a", "b"]
    assert (await batch.retry(), await batch.retry(in_doubt="resubmit")) == (0, 1)
    assert [result.key for result in await run_all(batch)] == ["k0"]
    assert quick.state()["billed"] == 3


async def test_a_create_that_a_crash_interrupted_is_found_again(
    quick: Sandbox, client: AsyncBluma, exclusive: Batch, tmp_path: Path
) -> None:
    """The only video that was created since, and belongs to no other job, is adopted."""
    began = quick.state()["clock"].replace("Z", "+00:00")
    first = {result.key: result.video_id for result in await run_all(exclusive, make_rows(3))}
    rewind(tmp_path, "k1", began)
    forget_process(client)

    again = await run_all(exclusive, make_rows(3))

    assert [(result.key, result.video_id, result.state) for result in again] == [("k1", first["k1"], "saved")]
    assert quick.state()["billed"] == 3


async def test_a_create_that_was_never_accepted_is_sent_again(
    quick: Sandbox, client: AsyncBluma, batch: Batch, tmp_path: Path
) -> None:
    """Two searches find no video that was created since the intent; then comes the baseline of the new create."""
    await run_all(batch, make_rows(1))
    began = quick.state()["clock"].replace("Z", "+00:00")
    rewind(tmp_path, "k0", began)
    forget_process(client)
    quick._running.request_log.clear()

    [result] = await run_all(batch, make_rows(1))

    reads = [record.route for record in quick.requests]
    assert reads[: reads.index("POST /videos")].count("GET /videos") == 3
    assert (result.state, reads.count("GET /videos")) == ("saved", 3)
    assert quick.state()["billed"] == 2


@pytest.mark.parametrize("on_error", ["collect", "raise"])
async def test_a_create_that_a_crash_interrupted_can_be_in_doubt(
    quick: Sandbox, client: AsyncBluma, tmp_path: Path, on_error: Any
) -> None:
    """With two candidates the job is put in doubt; the error is in its result, or is raised."""
    batch = client.batch(out=tmp_path, poll_interval=0.01, on_error=on_error)
    began = quick.state()["clock"].replace("Z", "+00:00")
    await run_all(batch, make_rows(1))
    await client.videos.create({"prompt": "theirs"}, TEMPLATE)
    rewind(tmp_path, "k0", began)
    forget_process(client)

    if on_error == "raise":
        with pytest.raises(errors.AmbiguousCreateError):
            await run_all(batch, make_rows(1))
    else:
        [doubt] = await run_all(batch, make_rows(1))
        assert isinstance(doubt.error, errors.AmbiguousCreateError)
        assert len(doubt.candidates) == len(doubt.error.candidates) == 2
    assert await run_all(batch, make_rows(1)) == []
    assert quick.state()["billed"] == 2
