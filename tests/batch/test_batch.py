"""Durable batches: one bill for each job, whatever happens on the way."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
from pathlib import Path
from typing import Any, AsyncIterator, Dict, Iterator, List

import pytest

from bluma_async import AsyncBluma, errors
from bluma_async.batch.batch import Batch
from bluma_async.sandbox import Sandbox
from bluma_async.sandbox.request_log import RequestRecord
from bluma_async.types import BatchResult, JobState
from tests.fakes import FakeClock, FakeTransport, answer
from tests.servers import as_another_process

Row = Dict[str, Any]
TEMPLATE = "ugc-text-overlay"


def rows(count: int, **more: Any) -> List[Row]:
    """Return so many jobs, each with a key of its own."""
    return [{"template_id": TEMPLATE, "prompt": f"Number {n}", "key": f"k{n}", **more} for n in range(count)]


async def results_of(batch: Batch, jobs: Any = None) -> List[BatchResult]:
    """Run jobs to their end."""
    return [result async for result in batch.run(jobs)]


@pytest.fixture
async def quick(sandbox: Sandbox) -> Sandbox:
    """Give a sandbox in which every video is finished when its create is answered."""

    async def finish(record: RequestRecord) -> None:
        if record.route == "POST /videos":
            await sandbox.advance(105)

    sandbox.watch(finish)
    return sandbox


@pytest.fixture
def batch(quick: Sandbox, client: AsyncBluma, tmp_path: Path) -> Batch:
    """Give a batch over it."""
    return client.batch(out=tmp_path, poll_interval=0.01)


async def test_each_job_is_created_waited_for_and_saved(quick: Sandbox, batch: Batch, tmp_path: Path) -> None:
    """Results come as jobs finish; files are named by the jobs' keys."""
    results = await results_of(batch, rows(5))

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


async def test_what_is_done_is_not_done_again(quick: Sandbox, batch: Batch) -> None:
    """The same jobs again: nothing. A grown list: the new ones. A lost file: fetched again, not billed again."""
    await results_of(batch, rows(2))

    again = await results_of(batch, rows(2))
    grown = await results_of(batch, rows(3))
    Path(grown[0].path or "").unlink()
    lost = await results_of(batch, rows(3))

    assert again == []
    assert [result.key for result in grown] == [result.key for result in lost] == ["k2"]
    assert quick.state()["billed"] == 3


async def test_a_job_without_a_key_is_called_by_its_content(batch: Batch) -> None:
    """The same content has the same name in every run."""
    [result] = await results_of(batch, [{"template_id": TEMPLATE, "prompt": "Hello"}])

    assert (len(result.key), result.path) == (12, str(Path(result.path or "").with_name(f"{result.key}.mp4")))
    assert await results_of(batch, [{"template_id": TEMPLATE, "prompt": "Hello", "context": {}}]) == []


async def test_without_a_folder_no_files_are_made(quick: Sandbox, client: AsyncBluma, tmp_path: Path) -> None:
    """Rendered is the end then; with a folder, a later run saves what is there."""
    journal = tmp_path / "jobs.sqlite"
    [result] = await results_of(client.batch(journal, poll_interval=0.01), rows(1))
    [saved] = await results_of(client.batch(journal, out=tmp_path, poll_interval=0.01), rows(1))

    assert (result.state, result.is_done, saved.state) == ("rendered", True, "saved")
    assert quick.state()["billed"] == 1


async def test_failures_are_collected(quick: Sandbox, batch: Batch) -> None:
    """A failed render and a refused create do not stop the others; a retry makes them once more."""
    jobs = [
        *rows(2),
        {"template_id": TEMPLATE, "prompt": "x [fail]", "key": "bad"},
        {"variant_id": "no", "prompt": "x"},
    ]

    results = {result.key: result for result in await results_of(batch, jobs)}
    status = await batch.status()
    count = await batch.retry()
    again = await results_of(batch)

    refused = next(key for key in results if key not in {"k0", "k1", "bad"})
    assert "failed" in str(results["bad"].error)
    assert isinstance(results[refused].error, errors.APIError)
    assert (results["bad"].state, results[refused].state, results[refused].video_id) == ("failed", "failed", None)
    assert (status.saved, status.failed, status.credits_net) == (2, 2, 4)
    assert (count, {result.key for result in again}) == (2, {"bad", refused})
    assert (await batch.status()).credits_refunded == 4


async def test_errors_can_be_raised(quick: Sandbox, client: AsyncBluma, tmp_path: Path) -> None:
    """With on_error="raise" the first failure ends the run; the rest goes on later."""
    batch = client.batch(out=tmp_path, on_error="raise", concurrency=1, poll_interval=0.01)
    jobs = [{"template_id": TEMPLATE, "prompt": "x [fail]"}, *rows(2)]

    with pytest.raises(errors.BlumaError, match="failed"):
        await results_of(batch, jobs)

    assert len(await results_of(batch, jobs)) == 2


async def test_credits_are_a_limit(quick: Sandbox, client: AsyncBluma, tmp_path: Path) -> None:
    """Nothing is submitted beyond max_credits, by the price of the resolution; more credits go on."""
    jobs = rows(2, resolution="4k") + [{"template_id": TEMPLATE, "prompt": "x", "key": "small"}]
    first = client.batch(out=tmp_path, max_credits=9, concurrency=3, poll_interval=0.01)
    second = client.batch(out=tmp_path, max_credits=14, poll_interval=0.01)

    results = await results_of(first, jobs)
    status = await first.status()
    more = await results_of(second, jobs)

    assert [result.key for result in results] == ["k0"]
    assert (status.planned, status.credits_net) == (2, 6)
    assert isinstance(first.stopped, errors.InsufficientCreditsError)
    assert ({result.key for result in more}, second.stopped) == ({"k1", "small"}, None)


async def test_an_empty_account_stops_submitting(client: AsyncBluma, tmp_path: Path) -> None:
    """A 402 ends the submitting, not what is paid; the next run goes on."""
    async with Sandbox(clock="manual", render=False, credits=4) as sandbox:
        sandbox.watch(lambda record: sandbox.advance(105) if record.status == 202 else None)
        async with AsyncBluma(sandbox.live_key, base_url=sandbox.base_url) as poor:
            batch = poor.batch(out=tmp_path, poll_interval=0.01)

            results = await results_of(batch, rows(4))

            assert {result.state for result in results} == {"saved"}
            assert isinstance(batch.stopped, errors.InsufficientCreditsError)
            assert ((await batch.status()).planned, sandbox.state()["billed"]) == (2, 2)


async def test_lost_answers_are_one_bill_each(quick: Sandbox, batch: Batch) -> None:
    """Every create's answer is cut: each is found again, as the only one that may be it."""
    quick.faults.add("POST /videos", "drop_after", times=None)

    results = await results_of(batch, rows(10))

    assert len({result.video_id for result in results}) == 10
    assert {result.state for result in results} == {"saved"}
    assert quick.state()["billed"] == 10


async def test_a_job_that_could_be_a_strangers_is_in_doubt(quick: Sandbox, client: AsyncBluma, batch: Batch) -> None:
    """Two videos may be it: it is not billed again until it is adopted, or resubmitted; the others go on."""
    quick.faults.add("POST /videos", "status_after", status=500)
    strangers = AsyncBluma(quick.live_key, base_url=as_another_process(quick.base_url))

    async def intrude(record: RequestRecord) -> None:
        if record.route == "POST /videos" and quick.state()["billed"] == 1:
            await strangers.videos.create({"prompt": "theirs"}, TEMPLATE)

    quick.watch(intrude)
    results = {result.key: result for result in await results_of(batch, rows(3))}
    doubt = next(result for result in results.values() if result.state == "in_doubt")

    again = await results_of(batch, rows(3))
    adopted = await batch.adopt(doubt.key, doubt.candidates[1])
    [saved] = await results_of(batch, rows(3))
    await strangers.aclose()

    assert isinstance(doubt.error, errors.AmbiguousCreateError)
    assert (len(doubt.candidates), again) == (2, [])
    assert (adopted.video_id, saved.state, saved.key) == (doubt.candidates[1], "saved", doubt.key)
    assert quick.state()["billed"] == 4


async def test_what_is_in_doubt_can_be_resubmitted(quick: Sandbox, batch: Batch, tmp_path: Path) -> None:
    """Only when told; adopting refuses what cannot be it."""
    await results_of(batch, rows(2))
    with contextlib.closing(sqlite3.connect(tmp_path / "journal.sqlite")) as journal, journal:
        journal.execute("UPDATE jobs SET state = 'in_doubt', candidates = '[\"a\", \"b\"]' WHERE key = 'k0'")
        (other,) = journal.execute("SELECT video_id FROM jobs WHERE key = 'k1'").fetchone()

    [listed] = [result async for result in batch.results("in_doubt")]
    with pytest.raises(errors.InvalidArgumentError, match="another job's"):
        await batch.adopt("k0", other)
    for key in ("k1", "unknown"):
        with pytest.raises(errors.InvalidArgumentError, match="not in doubt"):
            await batch.adopt(key, other)
    assert listed.candidates == ["a", "b"]
    assert (await batch.retry(), await batch.retry(in_doubt="resubmit")) == (0, 1)
    assert [result.key for result in await results_of(batch)] == ["k0"]
    assert quick.state()["billed"] == 3


async def test_an_unreachable_api_stops_the_batch_and_loses_nothing(quick: Sandbox, batch: Batch) -> None:
    """A create that was certainly refused stays planned; the run says why it stopped, and the next one goes on."""
    quick.faults.add("POST /videos", "status", status=503, times=4)

    results = await results_of(batch, rows(3))
    stopped, status = batch.stopped, await batch.status()
    again = await results_of(batch, rows(3))

    assert isinstance(stopped, errors.ServerError)
    assert len(results) + status.planned == 3
    assert len(again) == status.planned > 0
    assert quick.state()["billed"] == 3


async def test_a_full_hour_is_waited_for() -> None:
    """A 429 of a create is waited out, and nothing fails for it."""
    clock = FakeClock()
    replies = [answer(429, {}, {"Retry-After": "1800"}), answer(202, {"id": "batch_1", "status": "queued"})]

    def serve(request: Any) -> Any:
        if request.method == "POST":
            return replies.pop(0)
        return answer(200, {"id": "batch_1", "status": "completed"}, {"Date": "Mon, 03 Nov 2025 10:30:00 GMT"})

    transport = FakeTransport(serve, clock=clock)
    async with AsyncBluma("bluma_test_key", transport=transport, clock=clock) as client:
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir("/")
            results = await results_of(client.batch(journal=await _somewhere()), rows(1))

    assert (results[0].state, 1800.0 in clock.slept) == ("rendered", True)


async def _somewhere() -> Path:
    import tempfile

    return Path(await asyncio.get_running_loop().run_in_executor(None, tempfile.mkdtemp), "jobs.sqlite")


async def test_a_wait_that_times_out_goes_on_later(sandbox: Sandbox, client: AsyncBluma, tmp_path: Path) -> None:
    """The job stays rendering; the next run waits for the same video."""
    batch = client.batch(out=tmp_path, timeout=0.02, poll_interval=0.01)

    [late] = await results_of(batch, rows(1))
    await sandbox.advance(105)
    [done] = await results_of(batch, rows(1))

    assert (late.state, late.is_done) == ("rendering", False)
    assert isinstance(late.error, errors.WaitTimeoutError)
    assert (done.state, done.video_id) == ("saved", late.video_id)
    assert sandbox.state()["billed"] == 1


async def test_jobs_may_come_one_by_one(quick: Sandbox, client: AsyncBluma, tmp_path: Path) -> None:
    """An endless source is read no faster than its jobs are begun, and results taken."""
    taken = 0

    def endless() -> Iterator[Row]:
        nonlocal taken
        while True:
            taken += 1
            yield {"template_id": TEMPLATE, "prompt": "x", "key": f"n{taken}"}

    run = client.batch(out=tmp_path, concurrency=2, poll_interval=0.01).run(endless())
    first = [await run.__anext__() for _ in range(3)]
    await run.aclose()  # type: ignore[attr-defined]  # a generator

    assert {result.state for result in first} == {"saved"}
    assert taken <= 3 + 2 * 2 + 2


async def test_jobs_may_come_from_an_async_source(quick: Sandbox, batch: Batch) -> None:
    """An async generator; a bad row ends the taking in, what is begun is finished first."""

    async def source() -> AsyncIterator[Row]:
        for row in rows(2):
            yield row
        yield {"prompt": "no template"}

    with pytest.raises(errors.InvalidArgumentError, match="job 3"):
        await results_of(batch, source())

    assert (await batch.status()).saved == 2


async def test_a_template_that_a_stream_makes_up(quick: Sandbox, client: AsyncBluma, tmp_path: Path) -> None:
    """Its job fails, before or by its create, and the others go on."""
    for limit in (None, 100):
        folder = tmp_path / str(limit)
        batch = client.batch(out=folder, max_credits=limit, poll_interval=0.01)
        jobs = iter([{"template_id": "made-up", "prompt": "x", "key": "odd"}, *rows(1)])

        states = {result.key: result.state for result in await results_of(batch, jobs)}

        assert states == {"odd": "failed", "k0": "saved"}
    assert quick.state()["billed"] == 2


async def test_changes_are_told(quick: Sandbox, client: AsyncBluma, tmp_path: Path) -> None:
    """Each state is told once; what the callback raises ends the run at once."""
    told: List[str] = []
    batch = client.batch(out=tmp_path, poll_interval=0.01, on_change=lambda result: told.append(str(result.state)))

    await results_of(batch, rows(1))

    assert told == ["creating", "rendering", "rendered", "saved"]

    def fail(_: object) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await results_of(client.batch(out=tmp_path, on_change=fail), rows(2))


async def test_one_process_at_a_time(quick: Sandbox, batch: Batch) -> None:
    """A second run on the same journal says so and stops; reading is free."""
    run = batch.run(rows(2))
    await run.__anext__()

    with pytest.raises(errors.BlumaError, match="in use by process"):
        await results_of(batch, rows(2))
    assert (await batch.status()).total == 2
    await run.aclose()  # type: ignore[attr-defined]  # a generator

    await results_of(batch, rows(2))
    assert (await batch.status()).saved == 2


async def test_a_batch_that_is_left_leaves_nothing_behind(sandbox: Sandbox, client: AsyncBluma, tmp_path: Path) -> None:
    """A cancelled run ends its tasks; a create under way is let finish, and its bill is in the journal."""
    batch = client.batch(out=tmp_path, poll_interval=0.01)
    arrived = asyncio.Event()
    sandbox.watch(lambda record: arrived.set() if record.route == "POST /videos" else None)
    task = asyncio.ensure_future(results_of(batch, rows(3)))
    await arrived.wait()

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    status = await batch.status()
    assert status.creating == 0
    assert status.rendering == sandbox.state()["billed"] > 0
    frames = [frame for task in asyncio.all_tasks() for frame in task.get_stack()]
    assert not [frame for frame in frames if f"{os.sep}bluma_async{os.sep}batch{os.sep}" in frame.f_code.co_filename]


async def test_another_accounts_journal_is_refused(
    quick: Sandbox, client: AsyncBluma, batch: Batch, tmp_path: Path
) -> None:
    """Its videos cannot be seen with this key; another key of the same account is welcome."""
    await results_of(batch, rows(1))
    other = AsyncBluma(quick.test_key, base_url=quick.base_url)

    if await _sees(other, batch):
        assert await results_of(other.batch(out=tmp_path), rows(1)) == []
    await other.aclose()
    async with Sandbox(clock="manual", render=False) as elsewhere:
        stranger = AsyncBluma(elsewhere.live_key, base_url=elsewhere.base_url)
        with pytest.raises(errors.InvalidArgumentError, match="another account"):
            await results_of(stranger.batch(out=tmp_path), rows(2))
        await stranger.aclose()
        assert elsewhere.state()["billed"] == 0


async def _sees(client: AsyncBluma, batch: Batch) -> bool:
    [result] = [result async for result in batch.results()]
    try:
        await client.videos.get(result.video_id or "")
    except errors.NotFoundError:
        return False
    return True


@pytest.mark.parametrize("state", list(JobState))
async def test_every_state_can_be_listed(batch: Batch, state: JobState) -> None:
    """Results of earlier runs are in the journal, by state."""
    await results_of(batch, rows(1))

    listed = [result.key async for result in batch.results(state)]

    assert listed == (["k0"] if state == "saved" else [])
    with pytest.raises(errors.InvalidArgumentError, match="state must be"):
        [result async for result in batch.results("done")]


def rewind(folder: Path, key: str, began: str) -> None:
    """Have the journal say that a job's create was begun, and no more: as a crash leaves it."""
    with contextlib.closing(sqlite3.connect(folder / "journal.sqlite")) as journal, journal:
        journal.execute("DELETE FROM videos WHERE place = (SELECT place FROM jobs WHERE key = ?)", (key,))
        change = "UPDATE jobs SET state = 'creating', video_id = NULL, path = NULL, started_at = ? WHERE key = ?"
        journal.execute(change, (began, key))


async def test_a_create_that_a_crash_cut_is_found_again(quick: Sandbox, batch: Batch, tmp_path: Path) -> None:
    """The one video that came to be since, and is no other job's, is its."""
    began = quick.state()["clock"].replace("Z", "+00:00")
    first = {result.key: result.video_id for result in await results_of(batch, rows(3))}
    rewind(tmp_path, "k1", began)

    again = await results_of(batch, rows(3))

    assert [(result.key, result.video_id, result.state) for result in again] == [("k1", first["k1"], "saved")]
    assert quick.state()["billed"] == 3


async def test_a_create_that_was_never_accepted_is_sent_again(quick: Sandbox, batch: Batch, tmp_path: Path) -> None:
    """Nothing came to be since it began; it is looked for twice first."""
    await results_of(batch, rows(1))
    began = quick.state()["clock"].replace("Z", "+00:00")
    rewind(tmp_path, "k0", began)
    quick._running.request_log.clear()

    [result] = await results_of(batch, rows(1))

    looks = [record for record in quick.requests if record.route == "GET /videos" and "from_date" in record.query]
    assert (result.state, len(looks)) == ("saved", 2)
    assert quick.state()["billed"] == 2


@pytest.mark.parametrize("on_error", ["collect", "raise"])
async def test_a_create_that_a_crash_cut_may_be_a_strangers(
    quick: Sandbox, client: AsyncBluma, tmp_path: Path, on_error: Any
) -> None:
    """Several videos came to be: it is told, or raised, and stays in doubt."""
    batch = client.batch(out=tmp_path, poll_interval=0.01, on_error=on_error)
    began = quick.state()["clock"].replace("Z", "+00:00")
    await results_of(batch, rows(1))
    await client.videos.create({"prompt": "theirs"}, TEMPLATE)
    rewind(tmp_path, "k0", began)

    if on_error == "raise":
        with pytest.raises(errors.AmbiguousCreateError):
            await results_of(batch, rows(1))
    else:
        [doubt] = await results_of(batch, rows(1))
        assert isinstance(doubt.error, errors.AmbiguousCreateError)
        assert len(doubt.candidates) == len(doubt.error.candidates) == 2
    assert await results_of(batch, rows(1)) == []
    assert quick.state()["billed"] == 2


async def test_a_video_that_is_gone_fails_its_job(sandbox: Sandbox, client: AsyncBluma, tmp_path: Path) -> None:
    """It cannot be waited for; nothing more is done for it unless it is retried."""
    batch = client.batch(out=tmp_path, poll_interval=0.01)
    sandbox.faults.add("GET /videos/{id}", "status", status=404)

    [result] = await results_of(batch, rows(1))

    assert (result.state, isinstance(result.error, errors.NotFoundError)) == ("failed", True)
    assert result.error is not None
    assert result.error.video_id == result.video_id is not None


async def test_a_create_of_which_nobody_knows_stops_the_batch(quick: Sandbox, batch: Batch) -> None:
    """Its answer was lost, and nobody could look: it stays `creating`, and the next run looks for it first."""
    quick.faults.add("POST /videos", "drop_after")
    quick.faults.add("GET /videos", "drop_before", times=None, skip=1)

    [lost] = await results_of(batch, rows(1))
    quick.faults.clear()
    [found] = await results_of(batch, rows(1))

    assert (lost.state, found.state) == ("creating", "saved")
    assert isinstance(lost.error, errors.AmbiguousCreateError)
    assert batch.stopped is None
    assert quick.state()["billed"] == 1


async def test_a_journal_that_cannot_be_written(quick: Sandbox, batch: Batch, tmp_path: Path) -> None:
    """What is paid is told with its id; the run ends with what went wrong, and the next one finds the video again."""

    async def break_it(record: RequestRecord) -> None:
        if record.route == "POST /videos":
            await asyncio.get_running_loop().run_in_executor(
                None, _change, tmp_path, "ALTER TABLE videos RENAME TO hidden"
            )

    quick.watch(break_it)
    with pytest.raises(errors.BlumaError, match="could not be used"):
        await results_of(batch, rows(1))
    _change(tmp_path, "ALTER TABLE hidden RENAME TO videos")

    [found] = await results_of(batch, rows(1))

    assert found.state == "saved"
    assert quick.state()["billed"] == 1


def _change(folder: Path, statement: str) -> None:
    with contextlib.closing(sqlite3.connect(folder / "journal.sqlite")) as journal, journal:
        journal.execute(statement)
