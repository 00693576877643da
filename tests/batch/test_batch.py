"""A batch from its rows to its files."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any, List

import pytest

from bluma_async import AsyncBluma, errors
from bluma_async.batch.batch import Batch
from bluma_async.sandbox import Sandbox
from bluma_async.sandbox.request_log import RequestRecord
from tests.batch.helpers import TEMPLATE, make_rows, run_all
from tests.live import SandboxClock


async def test_each_job_is_created_waited_for_and_saved(quick: Sandbox, batch: Batch, tmp_path: Path) -> None:
    """Each job has a result and a file named by its key; the status counts jobs and credits."""
    results = await run_all(batch, make_rows(5))

    assert {result.key for result in results} == {"k0", "k1", "k2", "k3", "k4"}
    assert all(result.is_done and result.state == "saved" for result in results)
    assert {Path(result.path or "").name for result in results} == {path.name for path in tmp_path.glob("*.mp4")}
    assert (await batch.status()).to_dict() == {
        **dict.fromkeys(["planned", "creating", "rendering", "rendered", "failed", "in_doubt", "credits_refunded"], 0),
        "total": 5,
        "saved": 5,
        "credits_charged": 10,
    }
    assert quick.state()["billed"] == 5


async def test_finished_jobs_are_skipped(quick: Sandbox, batch: Batch) -> None:
    """Only new jobs of a longer list run; a lost file is downloaded again, without another bill."""
    await run_all(batch, make_rows(2))

    again = await run_all(batch, make_rows(2))
    grown = await run_all(batch, make_rows(3))
    Path(grown[0].path or "").unlink()
    lost = await run_all(batch, make_rows(3))

    assert again == []
    assert [result.key for result in grown] == [result.key for result in lost] == ["k2"]
    assert quick.state()["billed"] == 3


async def test_a_job_without_a_key_is_named_by_its_content(batch: Batch) -> None:
    """The key is a hash of the content: the same in every run."""
    [result] = await run_all(batch, [{"template_id": TEMPLATE, "prompt": "Hello"}])

    assert (len(result.key), result.path) == (12, str(Path(result.path or "").with_name(f"{result.key}.mp4")))
    assert await run_all(batch, [{"template_id": TEMPLATE, "prompt": "Hello", "context": {}}]) == []


async def test_without_a_folder_no_files_are_made(quick: Sandbox, client: AsyncBluma, tmp_path: Path) -> None:
    """Rendered is then the last state; a later run with a folder saves the video."""
    journal = tmp_path / "jobs.sqlite"
    [result] = await run_all(client.batch(journal, poll_interval=0.01), make_rows(1))
    [saved] = await run_all(client.batch(journal, out=tmp_path, poll_interval=0.01), make_rows(1))

    assert (result.state, result.is_done, saved.state) == ("rendered", True, "saved")
    assert quick.state()["billed"] == 1


async def test_failures_are_collected(quick: Sandbox, batch: Batch) -> None:
    """A failed render and a refused create do not stop other jobs; a retry creates both again."""
    jobs = [
        *make_rows(2),
        {"template_id": TEMPLATE, "prompt": "x [fail]", "key": "bad"},
        {"variant_id": "no", "prompt": "x"},
    ]

    results = {result.key: result for result in await run_all(batch, jobs)}
    status = await batch.status()
    count = await batch.retry()
    again = await run_all(batch)

    refused = next(key for key in results if key not in {"k0", "k1", "bad"})
    assert "failed" in str(results["bad"].error)
    assert isinstance(results[refused].error, errors.APIError)
    assert (results["bad"].state, results[refused].state, results[refused].video_id) == ("failed", "failed", None)
    assert (status.saved, status.failed, status.credits_net) == (2, 2, 4)
    assert (count, {result.key for result in again}) == (2, {"bad", refused})
    assert (await batch.status()).credits_refunded == 4


async def test_errors_can_be_raised(quick: Sandbox, client: AsyncBluma, tmp_path: Path) -> None:
    """With on_error="raise" the first failure ends the run; the next run continues the other jobs."""
    batch = client.batch(out=tmp_path, on_error="raise", concurrency=1, poll_interval=0.01)
    jobs = [{"template_id": TEMPLATE, "prompt": "x [fail]"}, *make_rows(2)]

    with pytest.raises(errors.BlumaError, match="failed"):
        await run_all(batch, jobs)

    assert len(await run_all(batch, jobs)) == 2


async def test_a_wait_that_timed_out_is_continued(sandbox: Sandbox, client: AsyncBluma, tmp_path: Path) -> None:
    """The job stays rendering; the next run waits for the same video."""
    batch = client.batch(out=tmp_path, timeout=0.02, poll_interval=0.01)

    [late] = await run_all(batch, make_rows(1))
    await sandbox.advance(105)
    [done] = await run_all(batch, make_rows(1))

    assert (late.state, late.is_done) == ("rendering", False)
    assert isinstance(late.error, errors.WaitTimeoutError)
    assert (done.state, done.video_id) == ("saved", late.video_id)
    assert sandbox.state()["billed"] == 1


async def test_a_video_that_is_gone_fails_its_job(sandbox: Sandbox, tmp_path: Path) -> None:
    """The wait ends with 404, in another process once reads cannot lag any more: the result names the video."""
    clock = SandboxClock(sandbox)
    options: Any = {"clock": clock, "trace_configs": clock.traffic.trace_configs}
    async with AsyncBluma(sandbox.live_key, base_url=sandbox.base_url, **options) as client:
        await run_all(client.batch(out=tmp_path, poll_interval=0.01, timeout=0.02), make_rows(1))
        client._session.evidence._created.clear()  # as in another process
        sandbox.faults.add("GET /videos/{id}", "status", status=404, times=None)
        restarted = clock.now()

        [result] = await run_all(client.batch(out=tmp_path), make_rows(1))

    assert (result.state, isinstance(result.error, errors.NotFoundError)) == ("failed", True)
    assert result.error is not None
    assert result.error.video_id == result.video_id is not None
    assert clock.now() - restarted == pytest.approx(60, abs=6)


@pytest.mark.parametrize("is_restarted", [False, True])
async def test_a_video_that_is_not_readable_yet_is_waited_for(
    sandbox: Sandbox, client: AsyncBluma, tmp_path: Path, is_restarted: bool
) -> None:
    """Reads answer 404 for a while after the create, also across a restart: the job is saved, and billed once."""
    if is_restarted:
        await run_all(client.batch(out=tmp_path, poll_interval=0.01, timeout=0.02), make_rows(1))
        client._session.evidence._created.clear()  # as in another process
    sandbox.faults.add("GET /videos/{id}", "status", status=404, times=3)
    unseen: List[int] = []

    async def finish(record: RequestRecord) -> None:
        if record.status == 404:
            unseen.append(404)
            await sandbox.advance(105 * (len(unseen) == 3))

    sandbox.watch(finish)
    [result] = await run_all(client.batch(out=tmp_path, poll_interval=0.01), make_rows(1))

    assert (result.state, len(unseen), sandbox.state()["billed"]) == ("saved", 3, 1)


async def test_changes_are_reported(quick: Sandbox, client: AsyncBluma, tmp_path: Path) -> None:
    """Each state is reported once; an exception of the callback ends the run at once."""
    reported: List[str] = []
    batch = client.batch(out=tmp_path, poll_interval=0.01, on_change=lambda result: reported.append(str(result.state)))

    await run_all(batch, make_rows(1))

    assert reported == ["creating", "rendering", "rendered", "saved"]

    def fail(_: object) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await run_all(client.batch(out=tmp_path, on_change=fail), make_rows(2))


async def test_a_cancelled_run_leaves_no_tasks(sandbox: Sandbox, client: AsyncBluma, tmp_path: Path) -> None:
    """A cancelled run ends its tasks; a create in flight finishes first, and its bill is in the journal."""
    batch = client.batch(out=tmp_path, poll_interval=0.01)
    arrived = asyncio.Event()
    sandbox.watch(lambda record: arrived.set() if record.route == "POST /videos" else None)
    task = asyncio.ensure_future(run_all(batch, make_rows(3)))
    await arrived.wait()

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    status = await batch.status()
    assert status.creating == 0
    assert status.rendering == sandbox.state()["billed"] > 0
    frames = [frame for task in asyncio.all_tasks() for frame in task.get_stack()]
    assert not [frame for frame in frames if f"{os.sep}bluma_async{os.sep}batch{os.sep}" in frame.f_code.co_filename]
