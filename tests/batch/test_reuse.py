"""Batches with `reuse="content"`: a job of the same content gets the video that was bought before."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any, List

import pytest

from bluma_async import AsyncBluma, errors
from bluma_async._runtime.file_lock import FileLock
from bluma_async._runtime.state_folder import find_state_folder
from bluma_async._runtime.threads import in_thread
from bluma_async._session import content_turns
from bluma_async._wire.certainty import CertaintyPolicy
from bluma_async._wire.content import hash_content
from bluma_async.batch.batch import Batch
from bluma_async.batch.bought_contents import BoughtContents
from bluma_async.batch.conflicts import JobPostponedError
from bluma_async.batch.live import open_live
from bluma_async.resources._creates.reuse import ContentReuse
from bluma_async.sandbox import Sandbox
from bluma_async.stores.jobs import Intent, Job
from bluma_async.stores.memory.jobs import MemoryJobStore
from tests.batch.helpers import TEMPLATE, forget_process, make_rows, rewind, run_all
from tests.resources.test_reuse import change_index


def make_batch(client: AsyncBluma, folder: Path, **options: Any) -> Batch:
    """Return a batch that reuses videos."""
    return client.batch(out=folder, poll_interval=0.01, **{"reuse": "content", **options})


def same(*keys: str) -> List[Any]:
    """Return jobs with the same content and these keys."""
    return [{"template_id": TEMPLATE, "prompt": "The same", "key": key} for key in keys]


async def test_jobs_of_one_content_are_bought_once(quick: Sandbox, client: AsyncBluma, tmp_path: Path) -> None:
    """Each gets a file of its own, and only the first one is billed."""
    batch = make_batch(client, tmp_path, max_credits=2)

    results = {result.key: result for result in await run_all(batch, same("a", "b", "c"))}

    assert quick.state()["billed"] == 1
    assert {result.video_id for result in results.values()} == {results["a"].video_id}
    assert [(results[key].reused, results[key].credits_charged) for key in "abc"] == [(False, 2), (True, 0), (True, 0)]
    assert len({Path(result.path or "").read_bytes() for result in results.values()}) == 1
    assert (await batch.status()).credits_net == 2
    assert batch.stopped is None


async def test_videos_are_reused_across_journals_and_by_single_creates(
    quick: Sandbox, client: AsyncBluma, tmp_path: Path
) -> None:
    """Another journal, a single create before it, and one after it."""
    thrifty = client.with_options(reuse="content")
    single = await thrifty.videos.create({"prompt": "Number 0"}, TEMPLATE)
    first = await run_all(make_batch(client, tmp_path / "one"), make_rows(2))
    second = await run_all(make_batch(client, tmp_path / "two"), make_rows(3))
    after = await thrifty.videos.create({"prompt": "Number 2"}, TEMPLATE)

    assert quick.state()["billed"] == 3
    assert {result.key: result.reused for result in first} == {"k0": True, "k1": False}
    assert {result.key: result.reused for result in second} == {"k0": True, "k1": True, "k2": False}
    assert {result.video_id for result in first if result.key == "k0"} == {single.id}
    assert after.reused


async def test_the_videos_of_an_earlier_journal_can_be_reused(
    quick: Sandbox, client: AsyncBluma, tmp_path: Path
) -> None:
    """A run with the option records what the journal has bought without it."""
    await run_all(make_batch(client, tmp_path / "old", reuse=None), make_rows(2))
    await run_all(make_batch(client, tmp_path / "old"))

    results = await run_all(make_batch(client, tmp_path / "new"), make_rows(2))

    assert (quick.state()["billed"], [result.reused for result in results]) == (2, [True, True])


async def test_a_reused_render_that_fails_is_bought_again_by_a_retry(
    sandbox: Sandbox, client: AsyncBluma, tmp_path: Path
) -> None:
    """Both jobs fail with it; its credits are refunded once, and nothing is counted twice."""
    sandbox.watch(lambda record: sandbox.advance(105) if record.route == "POST /videos" else None)
    rows = [{**row, "prompt": "The same [fail]"} for row in same("a", "b")]
    batch = make_batch(client, tmp_path, concurrency=1)

    states = [result.state for result in await run_all(batch, rows)]
    status = await batch.status()

    assert states == ["failed", "failed"]
    assert (status.credits_charged, status.credits_net, sandbox.state()["billed"]) == (4, 0, 2)


async def test_a_plan_knows_what_is_reused(quick: Sandbox, client: AsyncBluma, tmp_path: Path) -> None:
    """Jobs of a known content, and repetitions within the jobs, cost nothing."""
    await run_all(make_batch(client, tmp_path / "one"), make_rows(1))
    rows = [*make_rows(1), *same("a", "b"), {"variant_id": "v", "prompt": "x", "key": "c"}]
    rows += [{"variant_id": "v", "prompt": "x", "key": "d"}]

    plan = await make_batch(client, tmp_path / "two").plan(rows)
    without = await make_batch(client, tmp_path / "two", reuse=None).plan(rows)

    assert (plan.new, plan.reused, plan.duplicate) == (2, 2, 1)
    assert [(cost.template_id, cost.jobs) for cost in plan.costs] == [(None, 2), (TEMPLATE, 1)]
    assert (without.new, without.reused, without.duplicate) == (3, 0, 2)
    assert (plan.requests, without.requests) == (15, 15)  # a video that is reused, and its file, are read before
    assert plan.bytes_needed == without.bytes_needed > 0


async def test_two_runs_at_once_buy_a_content_once(quick: Sandbox, client: AsyncBluma, tmp_path: Path) -> None:
    """Two journals, two clients, and single creates at the same moment: as two programs, they share only files."""
    async with AsyncBluma(quick.live_key, base_url=quick.base_url) as other:
        runs = [
            run_all(make_batch(client, tmp_path / "one"), make_rows(4)),
            run_all(make_batch(other, tmp_path / "two"), make_rows(4)),
        ]
        singles = [
            user.with_options(reuse="content").videos.create({"prompt": f"Number {number}"}, TEMPLATE)
            for user in (client, other)
            for number in range(4)
        ]
        one, two, *videos = await asyncio.gather(*runs, *singles)  # type: ignore[call-overload]  # of two types

    assert quick.state()["billed"] == 4
    assert len({result.video_id for result in (*one, *two)} | {video.id for video in videos}) == 4
    assert all(result.is_done for result in (*one, *two))


async def test_a_reused_video_that_is_deleted_before_it_is_saved_fails_its_job(
    sandbox: Sandbox, client: AsyncBluma, tmp_path: Path
) -> None:
    """The job says so, and a retry buys the video again."""
    first = await client.with_options(reuse="content").videos.create({"prompt": "The same"}, TEMPLATE)
    batch = make_batch(client, tmp_path, timeout=0.1)
    (waiting,) = await run_all(batch, same("a"))
    sandbox.faults.add("GET /videos/{id}", "status", status=404, times=None)
    change_index(bought_at=0)
    client._session.shared.certainty = CertaintyPolicy(tolerates_read_lag=False)  # else the job waits a minute

    (gone,) = await run_all(make_batch(client, tmp_path, timeout=120), same("a"))
    await batch.retry()
    sandbox.faults.clear()
    (again,) = await run_all(batch)

    assert (waiting.state, waiting.reused, waiting.video_id) == ("rendering", True, first.id)
    assert (gone.state, gone.video_id, getattr(gone.error, "status", 0)) == ("failed", first.id, 404)
    assert again.video_id == first.id  # it was there after all: nothing was bought in vain
    assert sandbox.state()["billed"] == 1


async def test_a_video_that_a_search_has_found_is_remembered(
    quick: Sandbox, client: AsyncBluma, tmp_path: Path
) -> None:
    """A create that a crash interrupted, and that a later run settles, was bought too."""
    began = quick.state()["clock"].replace("Z", "+00:00")
    await run_all(make_batch(client, tmp_path, reuse=None, exclusive=True), make_rows(1))
    rewind(tmp_path, "k0", began)
    forget_process(client)

    (settled,) = await run_all(make_batch(client, tmp_path, exclusive=True), make_rows(1))
    video = await client.with_options(reuse="content").videos.create({"prompt": "Number 0"}, TEMPLATE)

    assert (video.id, video.reused, settled.reused) == (settled.video_id, True, False)
    assert quick.state()["billed"] == 1


async def test_a_create_that_is_settled_is_remembered_although_no_run_takes_its_job(
    quick: Sandbox, client: AsyncBluma, tmp_path: Path
) -> None:
    """The search for it records its video, before another create of the content can come."""
    began = quick.state()["clock"].replace("Z", "+00:00")
    await run_all(make_batch(client, tmp_path, reuse=None, exclusive=True), make_rows(1))
    rewind(tmp_path, "k0", began)
    forget_process(client)

    async with open_live(make_batch(client, tmp_path, exclusive=True)) as live:
        settled, _ = await live.look("k0")
        video = await client.with_options(reuse="content").videos.create({"prompt": "Number 0"}, TEMPLATE)

    assert (video.id, video.reused, quick.state()["billed"]) == (settled.video_id, True, 1)


@pytest.mark.parametrize("tag", [None, "preset"])
async def test_private_presets_do_not_change_the_content(
    quick: Sandbox, client: AsyncBluma, tmp_path: Path, tag: Any
) -> None:
    """The content is the job's own, whatever its create is made from."""
    await run_all(make_batch(client, tmp_path / "one", tag=tag), make_rows(1))
    (result,) = await run_all(make_batch(client, tmp_path / "two"), make_rows(1))

    assert (result.reused, quick.state()["billed"]) == (True, 1)


@pytest.mark.parametrize(
    ("route", "status"), [("GET /videos/{id}", 403), ("GET /videos/{id}", 500), ("GET /cdn/{place}", 500)]
)
async def test_a_reused_video_that_cannot_be_read_concerns_its_job_only(
    quick: Sandbox, client: AsyncBluma, tmp_path: Path, route: str, status: int
) -> None:
    """It stays planned, and nothing is bought for it; the other jobs go on, and the next run tries again."""
    await client.with_options(reuse="content").videos.create({"prompt": "The same"}, TEMPLATE)
    quick.faults.add(route, "status", status=status, times=1)
    batch = make_batch(client.with_options(max_retries=0), tmp_path, concurrency=1)

    results = {result.key: result for result in await run_all(batch, [*same("a"), *make_rows(2)])}
    (again,) = await run_all(batch)

    assert {key: str(result.state) for key, result in results.items()} == {"a": "planned", "k0": "saved", "k1": "saved"}
    assert (batch.stopped, again.key, again.reused, quick.state()["billed"]) == (None, "a", True, 3)


async def test_the_content_of_a_job_in_doubt_is_not_bought_for_another_one(
    quick: Sandbox, client: AsyncBluma, tmp_path: Path
) -> None:
    """Neither in this run, nor in a later one: it may be paid. Once that is settled, the other job goes on."""
    quick.faults.add("POST /videos", "drop_after", times=1)
    batch = make_batch(client.with_options(max_retries=0), tmp_path, concurrency=1)

    first = {result.key: result for result in await run_all(batch, same("a", "b"))}
    forget_process(client)
    (later,) = await run_all(batch)
    (candidate,) = first["a"].candidates
    await batch.adopt("a", candidate)
    last = {result.key: result for result in await run_all(batch)}

    assert (first["a"].state, first["b"].state, later.key, later.state) == ("in_doubt", "planned", "b", "planned")
    assert "job 'a' has the same content" in str(later.error)
    assert {key: (str(result.state), result.reused) for key, result in last.items()} == {
        "a": ("saved", False),
        "b": ("saved", True),
    }
    assert quick.state()["billed"] == 1


async def test_a_plan_after_a_failed_render_says_that_it_is_bought_again(
    sandbox: Sandbox, client: AsyncBluma, tmp_path: Path
) -> None:
    """The batch forgets a video that has failed."""
    sandbox.watch(lambda record: sandbox.advance(105) if record.route == "POST /videos" else None)
    rows = [{"template_id": TEMPLATE, "prompt": "One [fail]", "key": "a"}]
    batch = make_batch(client, tmp_path)
    await run_all(batch, rows)
    await batch.retry()

    plan = await batch.plan(rows)

    assert (plan.new, plan.reused, plan.credits) == (1, 0, 2)


async def test_a_plan_of_the_journal_knows_what_is_reused(quick: Sandbox, client: AsyncBluma, tmp_path: Path) -> None:
    """It says the same as a plan of the jobs, and as their run."""
    await client.with_options(reuse="content").videos.create({"prompt": "Number 0"}, TEMPLATE)
    rows, batch = [*make_rows(1), *same("a", "b")], make_batch(client, tmp_path)
    await batch.submit(rows)

    plans = [await batch.plan(rows), await batch.plan()]
    results = await run_all(batch)

    assert [(plan.new, plan.reused, plan.credits) for plan in plans] == [(1, 2, 2)] * 2
    assert (sum(result.reused for result in results), quick.state()["billed"]) == (2, 2)


async def test_the_content_of_an_open_create_is_not_bought_for_another_job(client: AsyncBluma) -> None:
    """Its process was killed, and it is not settled yet: the content may be paid."""
    body = {"template_id": TEMPLATE, "context": {"prompt": "The same"}}
    store: Any = MemoryJobStore()
    a, b = [await store.plan(Job(key, json.dumps(body), TEMPLATE, None, f"job {key}")) for key in "ab"]
    await store.intend(a.place, Intent("key-1", None))
    contents = BoughtContents(ContentReuse(client.with_options(reuse="content")._session), store)

    with pytest.raises(JobPostponedError, match="job 'a' has the same content"):
        await contents.find_bought(b, hash_content(body) or "")
    await store.release(a.place, "it was not accepted")

    assert await contents.find_bought(b, hash_content(body) or "") is None


async def test_a_single_create_does_not_buy_what_a_job_in_doubt_may_have_bought(
    sandbox: Sandbox, client: AsyncBluma, tmp_path: Path
) -> None:
    """Both are creates of one account in one process. Once the user accepts a second bill, the job is bought again."""
    sandbox.watch(lambda record: sandbox.advance(105) if record.route == "POST /videos" else None)
    sandbox.faults.add("POST /videos", "drop_after", times=1)
    batch = make_batch(client.with_options(max_retries=0), tmp_path)
    (lost,) = await run_all(batch, same("a"))

    with pytest.raises(errors.AmbiguousCreateError, match="earlier create of the same content"):
        await client.with_options(reuse="content").videos.create({"prompt": "The same"}, TEMPLATE)
    billed = sandbox.state()["billed"]
    await batch.retry(in_doubt="resubmit")
    (again,) = await run_all(batch)

    assert (lost.state, billed, again.state, sandbox.state()["billed"]) == ("in_doubt", 1, "saved", 2)


async def test_a_content_that_another_program_creates_stops_no_other_job(
    quick: Sandbox, client: AsyncBluma, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The job of that content stays planned."""
    monkeypatch.setattr(content_turns, "LONGEST_WAIT", 0.0)
    content = hash_content({"template_id": TEMPLATE, "context": {"prompt": "The same"}})
    lock = await in_thread(lambda: _lock(content or ""))
    batch = make_batch(client, tmp_path, concurrency=1)

    results = {result.key: str(result.state) for result in await run_all(batch, [*same("a"), *make_rows(2)])}
    await in_thread(lock.release)

    assert (results, batch.stopped) == ({"a": "planned", "k0": "saved", "k1": "saved"}, None)


def _lock(content: str) -> FileLock:
    """Take the turn of a content as another program would."""
    find_state_folder().mkdir(parents=True, exist_ok=True)
    lock = FileLock.acquire(find_state_folder() / f"content-{content}.lock")
    assert lock is not None
    return lock


async def test_the_video_of_a_job_that_has_failed_is_no_other_jobs(
    sandbox: Sandbox, client: AsyncBluma, tmp_path: Path
) -> None:
    """A plan says that the next job of its content is bought, as the run does."""
    sandbox.watch(lambda record: sandbox.advance(105) if record.route == "POST /videos" else None)
    rows = [{"template_id": TEMPLATE, "prompt": "One [fail]", "key": key} for key in "ab"]
    batch = make_batch(client, tmp_path)
    await run_all(batch, rows[:1])
    await batch.submit(rows)

    plans = [await batch.plan(rows), await batch.plan()]
    await run_all(batch)

    assert [(plan.new, plan.reused, plan.left, plan.credits) for plan in plans] == [(1, 0, 1, 2)] * 2
    assert sandbox.state()["billed"] == 2
