"""A batch whose jobs come one by one: what is bought, what is not bought again, and what an end leaves behind."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import anyio
import attrs
import pytest

from bluma_async import AsyncBluma, errors
from bluma_async.batch.abandoned import ABANDONED
from bluma_async.batch.live import LiveBatch, open_live
from bluma_async.batch.parts import Parts
from bluma_async.sandbox import Sandbox
from bluma_async.sandbox.request_log import RequestRecord
from bluma_async.stores.jobs import StoredJob
from bluma_async.transfer.object_stores import open_store
from tests.batch.helpers import TEMPLATE, change_journal, forget_process, rewind, run_all

ROW = {"template_id": TEMPLATE, "prompt": "Why is the sky blue?", "context.custom_data": {"size": 1}}


def live_of(client: AsyncBluma, folder: Path, **options: Any) -> Any:
    """Return a live batch, to be opened."""
    return open_live(client.batch(out=folder, poll_interval=0.01, **options))


@pytest.mark.parametrize(
    "same",
    [
        ROW,
        {**ROW, "resolution": "720p"},
        {**ROW, "options": {"resolution": "720p"}},
        {**ROW, "context.custom_data": {"size": 1.0}},
        {**ROW, "webhook_url": "https://example.com/hook"},
        {**ROW, "key": "sky", "resolution": "720p"},
    ],
)
async def test_a_content_is_bought_once(quick: Sandbox, client: AsyncBluma, tmp_path: Path, same: Any) -> None:
    """A job is found by its content, however it was named and written, also by a later process."""
    async with live_of(client, tmp_path) as live:
        first = await live.create({**ROW, "key": "sky"})
        again = await live.create(same)
    async with live_of(client, tmp_path) as live:
        later = await live.create(same)

    assert {first.video_id, again.video_id, later.video_id} == {first.video_id}
    assert (again.key, quick.state()["billed"]) == ("sky", 1)


@pytest.mark.parametrize(
    "other",
    [
        {**ROW, "resolution": "1080p"},
        {**ROW, "watermark": False},
        {**ROW, "context.custom_data": {"size": 1.5}},
        {**ROW, "prompt": "Why is the sky blue? "},
        {**ROW, "key": "sky2"},
    ],
)
async def test_another_content_or_key_is_another_video(
    quick: Sandbox, client: AsyncBluma, tmp_path: Path, other: Any
) -> None:
    """Only a default that is written out is the same as nothing; a key asks for a video of its own."""
    async with live_of(client, tmp_path) as live:
        first = await live.create({**ROW, "key": "sky"})
        second = await live.create(other)

    assert first.video_id != second.video_id
    assert quick.state()["billed"] == 2


async def test_a_job_that_was_submitted_meanwhile_is_found(quick: Sandbox, client: AsyncBluma, tmp_path: Path) -> None:
    """The journal is read on before each create: a planned job of the same content is created, and no second one."""
    async with live_of(client, tmp_path) as live:
        await client.batch(out=tmp_path).submit([{**ROW, "key": "planned"}])
        made = await live.create(ROW)
    await run_all(client.batch(out=tmp_path, poll_interval=0.01))

    assert (made.key, made.state, quick.state()["billed"]) == ("planned", "rendering", 1)


async def test_a_job_that_has_not_failed_is_preferred(quick: Sandbox, client: AsyncBluma, tmp_path: Path) -> None:
    """Of two jobs of one content the one that has a video is returned, and a failed one only if there is no other."""
    quick.faults.add("POST /videos", "status", status=402, times=1)
    async with live_of(client, tmp_path) as live:
        with pytest.raises(errors.InsufficientCreditsError):
            await live.create(ROW)
        failed = await live.create(ROW)
        made = await live.create({**ROW, "key": "again"})
        found = await live.create(ROW)

    assert (failed.state, found.key, found.video_id) == ("failed", "again", made.video_id)
    assert quick.state()["billed"] == 1


class Gate:
    """Holds work at one point, until it is opened."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self.opened = asyncio.Event()

    async def hold(self) -> None:
        """Wait until the gate is opened."""
        self.reached.set()
        await self.opened.wait()

    async def hold_unsent(self, result: Any) -> None:
        """Hold a create before it is sent: a callback of a batch."""
        if result.state == "creating":
            await self.hold()

    def hold_requests(self, sandbox: Sandbox, route: str) -> None:
        """Hold the requests of a route before they are answered."""

        async def hold(record: RequestRecord) -> None:
            if record.route == route:
                await self.hold()

        sandbox.watch(hold)


async def lose_create(live: LiveBatch, sandbox: Sandbox) -> None:
    """Create a video whose answer is lost, and which cannot be searched for until now: the job `lost` is `creating`."""
    sandbox.faults.add("POST /videos", "drop_after", times=1)
    sandbox.faults.add("GET /videos", "status", status=500, times=None)
    lost = await live.create({**ROW, "key": "lost"})
    sandbox.faults.clear()
    assert lost.state == "creating"


async def test_a_wait_ends_in_time_while_the_create_is_under_way(
    quick: Sandbox, client: AsyncBluma, tmp_path: Path
) -> None:
    """The timeout bounds the wait for the create too. The create itself continues."""
    gate = Gate()
    gate.hold_requests(quick, "POST /videos")
    async with live_of(client, tmp_path) as live:
        create = asyncio.ensure_future(live.create({**ROW, "key": "sky"}))
        await gate.reached.wait()
        waited, _ = await asyncio.wait_for(live.wait("sky", 0.05), 5)
        gate.opened.set()
        created = await create
        done, _ = await live.wait("sky", 10)

    assert (waited.state, created.state, done.state) == ("creating", "rendering", "rendered")
    assert quick.state()["billed"] == 1


async def test_short_waits_settle_an_interrupted_create(quick: Sandbox, client: AsyncBluma, tmp_path: Path) -> None:
    """A caller that polls with the timeout 0 sees the outcome: its timeouts do not end the settlement."""
    async with live_of(client.with_options(max_retries=0), tmp_path) as live:
        await lose_create(live, quick)
        for _ in range(2000):
            waited, _ = await live.wait("lost", 0)
            if waited.state != "creating":
                break

    assert (waited.state, len(waited.candidates), quick.state()["billed"]) == ("in_doubt", 1, 1)


async def test_callers_share_one_settlement(quick: Sandbox, client: AsyncBluma, tmp_path: Path) -> None:
    """A wait that ends and a caller that is cancelled leave it alone. If its search fails, nobody searches again."""
    gate, searches = Gate(), []
    async with live_of(client.with_options(max_retries=0), tmp_path) as live:
        await lose_create(live, quick)
        quick.faults.add("GET /videos", "status", status=500, times=None)
        quick.watch(lambda record: searches.append(record) if record.route == "GET /videos" else None)
        await live.look("lost")
        of_one_search = len(searches)
        gate.hold_requests(quick, "GET /videos")
        cancelled, *others = [
            asyncio.ensure_future(call) for call in (live.look("lost"), live.look("lost"), live.wait("lost", 10))
        ]
        await gate.reached.wait()
        early, _ = await live.wait("lost", 0)
        cancelled.cancel()
        await asyncio.wait([cancelled])
        gate.opened.set()
        states = [str(result.state) for result, _ in await asyncio.gather(*others)]

    assert (early.state, cancelled.cancelled(), states) == ("creating", True, ["creating", "creating"])
    assert (len(searches), quick.state()["billed"]) == (2 * of_one_search, 1)


async def test_the_end_cancels_a_settlement(quick: Sandbox, client: AsyncBluma, tmp_path: Path) -> None:
    """No task uses the journal after its end, and the create is left to `settle`."""
    gate = Gate()
    client = client.with_options(max_retries=0)
    async with live_of(client, tmp_path) as live:
        await lose_create(live, quick)
        list_candidates, live._store.list_candidates = live._store.list_candidates, gate.hold
        before = asyncio.all_tasks()
        await live.wait("lost", 0)
        await gate.reached.wait()
        live._store.list_candidates = list_candidates
    left = asyncio.all_tasks() - before
    gate.opened.set()

    assert left == set()
    assert [settled.result for settled in await client.settle()] == ["in_doubt"]


async def test_an_error_of_a_settlement_is_raised(quick: Sandbox, client: AsyncBluma, tmp_path: Path) -> None:
    """Also a TimeoutError, which is not the end of the wait. The create is not held: the next caller settles it."""
    client = client.with_options(max_retries=0)

    async def fail() -> Any:
        raise TimeoutError("the disk does not answer")

    async with live_of(client, tmp_path) as live:
        await lose_create(live, quick)
        list_candidates, live._store.list_candidates = live._store.list_candidates, fail
        for call in (live.look("lost"), live.wait("lost", 10)):
            with pytest.raises(TimeoutError, match="the disk"):
                await call
        live._store.list_candidates = list_candidates
        settled = await client.settle()
        seen, _ = await live.look("lost")

    assert ([one.result for one in settled], seen.state) == (["in_doubt"], "in_doubt")


async def test_a_cancelled_create_has_failed(quick: Sandbox, client: AsyncBluma, tmp_path: Path) -> None:
    """A create that is cancelled before it is sent buys nothing, neither now nor in a later run; its price is free."""
    gate = Gate()
    async with live_of(client, tmp_path, on_change=gate.hold_unsent, max_credits=2) as live:
        create = asyncio.ensure_future(live.create({**ROW, "key": "sky"}))
        await gate.reached.wait()
        create.cancel()
        with pytest.raises(asyncio.CancelledError):
            await create
        gate.opened.set()
        again = await live.create({**ROW, "key": "sky"})
        other = await live.create({**ROW, "key": "other"})
    later = await run_all(client.batch(out=tmp_path, poll_interval=0.01))

    assert (again.state, str(again.error)) == ("failed", ABANDONED)
    assert (other.state, [result.key for result in later]) == ("rendering", ["other"])
    assert quick.state()["billed"] == 1


async def test_a_create_that_is_cancelled_as_its_job_is_planned_has_failed(
    quick: Sandbox, client: AsyncBluma, tmp_path: Path
) -> None:
    """The journal is written in a thread, which a cancellation does not stop: the job does not stay planned."""
    async with live_of(client, tmp_path) as live:
        plan = live._store.plan

        async def plan_cancelled(job: Any) -> Any:
            planned = await plan(job)
            create.cancel()
            await asyncio.sleep(0)
            return planned

        live._store.plan = plan_cancelled
        create = asyncio.ensure_future(live.create({**ROW, "key": "sky"}))
        with pytest.raises(asyncio.CancelledError):
            await create
        live._store.plan = plan
        again = await live.create({**ROW, "key": "sky"})

    assert (again.state, str(again.error), quick.state()["billed"]) == ("failed", ABANDONED, 0)


async def test_a_create_whose_callback_raises_has_failed(quick: Sandbox, client: AsyncBluma, tmp_path: Path) -> None:
    """Whatever its class: the job was not sent, and does not stay planned."""

    def fail(_: Any) -> None:
        raise LookupError("mine")

    async with live_of(client, tmp_path, on_change=fail) as live:
        with pytest.raises(LookupError):
            await live.create({**ROW, "key": "sky"})
        again = await live.create({**ROW, "key": "sky"})

    assert (again.state, quick.state()["billed"]) == ("failed", 0)


async def test_a_create_in_flight_is_recorded_after_its_caller(
    quick: Sandbox, client: AsyncBluma, tmp_path: Path
) -> None:
    """A request is cancelled by a scope of anyio, and the batch ends; the video that was accepted is in the journal."""
    gate = Gate()
    gate.hold_requests(quick, "POST /videos")
    async with live_of(client, tmp_path) as live:
        async with anyio.create_task_group() as group:
            group.start_soon(live.create, {**ROW, "key": "sky"})
            await gate.reached.wait()
            group.cancel_scope.cancel()
        asyncio.get_running_loop().call_soon(gate.opened.set)

    counts = await client.batch(out=tmp_path).status()

    assert (counts.rendering, counts.total, quick.state()["billed"]) == (1, 1, 1)


@pytest.mark.parametrize("has_candidates", [True, False])
async def test_a_create_in_doubt_is_not_left_to_spend(
    quick: Sandbox, client: AsyncBluma, tmp_path: Path, has_candidates: bool
) -> None:
    """What is left is what a create may cost: a create that may be billed counts, also in a later process."""
    quick.faults.add("POST /videos", "drop_after", times=1)
    if not has_candidates:
        quick.faults.add("GET /videos", "status", status=500, times=None)
    async with live_of(client.with_options(max_retries=0), tmp_path, max_credits=4) as live:
        at_first = live.credits_left
        lost = await live.create({**ROW, "key": "lost"})
        left = live.credits_left
        quick.faults.clear()
    forget_process(client)
    async with live_of(client, tmp_path, max_credits=4) as live:
        later = live.credits_left
        await live.create({**ROW, "key": "sky"})
        spent = live.credits_left
        with pytest.raises(errors.InsufficientCreditsError):
            await live.create({**ROW, "key": "other"})

    assert lost.state == ("in_doubt" if has_candidates else "creating")
    assert (at_first, left, later, spent) == (4, 2, 2, 0)


class CancelledRunner:
    """Holds the price of a create, and is cancelled before the create is recorded, as at the end of a grace."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def create(self, job: StoredJob) -> StoredJob:
        self._parts.credit_limit.hold(job.place, job.template_id, job.resolution)
        raise asyncio.CancelledError


async def test_the_price_of_a_cancelled_create_is_left(quick: Sandbox, client: AsyncBluma, tmp_path: Path) -> None:
    """A create that was cancelled after its price was held, and before it was sent, costs nothing."""
    async with live_of(client, tmp_path, max_credits=4) as live:
        parts: Any = attrs.evolve(live._parts, runner=CancelledRunner(live._parts))
        other = LiveBatch(live._options, live._api, live._store, parts, live._stop)
        parts.credit_limit.learn(TEMPLATE, 2)
        with pytest.raises(asyncio.CancelledError):
            await other.create({**ROW, "key": "sky"})
        seen, _ = await live.look("sky")

        assert (seen.state, live.credits_left) == ("failed", 4)


@pytest.mark.parametrize("opens_again", [True, False])
@pytest.mark.parametrize("state", ["planned", "creating"])
async def test_a_killed_create_is_bought_by_no_later_run(
    quick: Sandbox, client: AsyncBluma, tmp_path: Path, state: str, opens_again: bool
) -> None:
    """A create that was not accepted when its process was killed has failed, for the next server and for a run."""
    async with live_of(client, tmp_path) as live:
        bought = await live.create({**ROW, "key": "bought"})
        quick.faults.add("POST /videos", "status", status=402, times=1)
        with pytest.raises(errors.InsufficientCreditsError):
            await live.create({**ROW, "key": "sky"})
    rewind(tmp_path, "sky", "2099-01-01T00:00:00+00:00")
    change_journal(tmp_path, "UPDATE jobs SET state = ? WHERE key = 'sky'", state)
    forget_process(client)
    if opens_again:
        async with live_of(client, tmp_path) as live:
            seen, _ = await live.look("sky")
            assert (seen.state, str(seen.error)) == ("failed", ABANDONED)

    later = {result.key: result.state for result in await run_all(client.batch(out=tmp_path, poll_interval=0.01))}

    assert later == {"bought": "saved", **({} if opens_again else {"sky": "failed"})}
    assert (bought.state, quick.state()["billed"]) == ("rendering", 1)


async def test_a_retry_of_a_failed_create_is_bought(quick: Sandbox, client: AsyncBluma, tmp_path: Path) -> None:
    """The user has planned the job again, so that a live batch leaves it planned, and a run creates it."""
    quick.faults.add("POST /videos", "status", status=402, times=1)
    async with live_of(client, tmp_path) as live:
        with pytest.raises(errors.InsufficientCreditsError):
            await live.create({**ROW, "key": "sky"})
    batch = client.batch(out=tmp_path, poll_interval=0.01)
    await batch.retry()
    async with live_of(client, tmp_path) as live:
        left, _ = await live.look("sky")

    [result] = await run_all(batch)

    assert (left.state, result.state, quick.state()["billed"]) == ("planned", "saved", 1)


async def test_the_jobs_of_a_batch_stay_planned(quick: Sandbox, client: AsyncBluma, tmp_path: Path) -> None:
    """A live batch fails only what was asked of it: jobs that were submitted for a run are left to the run."""
    await client.batch(out=tmp_path).submit([{**ROW, "key": "sky"}])
    async with live_of(client, tmp_path) as live:
        counts = await live.count()

    assert (counts.planned, counts.failed) == (1, 0)
    assert [result.state for result in await run_all(client.batch(out=tmp_path, poll_interval=0.01))] == ["saved"]


@pytest.mark.parametrize("damage", ["deleted", "cut"])
async def test_an_object_that_is_gone_is_saved_again(
    quick: Sandbox, client: AsyncBluma, tmp_path: Path, damage: str
) -> None:
    """A live batch runs for days: each save asks the store for the object, also for one that was there at the start."""
    pytest.importorskip("obstore", reason="obstore has no release for Python 3.8")
    out = f"memory://live{damage}/some"
    store, key = open_store("out", f"{out}/sky.mp4")
    for _ in range(2):
        async with open_live(client.batch(tmp_path / "jobs.sqlite", out=out, poll_interval=0.01)) as live:
            await live.create({**ROW, "key": "sky"})
            await live.wait("sky", 10)
            first = await live.save("sky")
            size = store.find_size(key)
            store.delete(key)
            if damage == "cut":
                store.put(key, iter([b"x"]))
            again = await live.save("sky")

    assert (first.path, again.path, again.state) == (f"{out}/sky.mp4", f"{out}/sky.mp4", "saved")
    assert (store.find_size(key), quick.state()["billed"]) == (size, 1)


async def test_an_object_of_somebody_else_is_not_replaced(quick: Sandbox, client: AsyncBluma, tmp_path: Path) -> None:
    """A name that was taken after the start is refused before anything is bought."""
    pytest.importorskip("obstore", reason="obstore has no release for Python 3.8")
    store, key = open_store("out", "memory://livetaken/some/sky.mp4")
    async with open_live(client.batch(tmp_path / "jobs.sqlite", out="memory://livetaken/some")) as live:
        store.put(key, iter([b"mine"]))
        with pytest.raises(errors.InvalidArgumentError, match="there is a file for 'sky'"):
            await live.create({**ROW, "key": "sky"})

    assert quick.state()["billed"] == 0


async def test_a_retry_is_asked_for_until_it_is_bought(quick: Sandbox, client: AsyncBluma, tmp_path: Path) -> None:
    """Also if its create is refused meanwhile: the user tops up, and runs again."""
    batch = client.batch(out=tmp_path, poll_interval=0.01)
    quick.faults.add("POST /videos", "status", status=402, times=2)
    async with open_live(batch) as live:
        with pytest.raises(errors.InsufficientCreditsError):
            await live.create({**ROW, "key": "sky"})
    await batch.retry()
    refused = await run_all(batch)

    (result,) = await run_all(batch)

    assert (refused, result.key, result.state, quick.state()["billed"]) == ([], "sky", "saved", 1)


async def test_a_live_batch_leaves_the_jobs_of_batches_planned(
    quick: Sandbox, client: AsyncBluma, tmp_path: Path
) -> None:
    """Neither a refused create nor an interrupted one that was not accepted takes them from the next run."""
    batch = client.batch(out=tmp_path, poll_interval=0.01)
    await batch.submit([{**ROW, "key": "refused"}, {**ROW, "key": "interrupted", "prompt": "Another one"}])
    rewind(tmp_path, "interrupted", quick.state()["clock"].replace("Z", "+00:00"))
    quick.faults.add("POST /videos", "status", status=402, times=1)

    async with open_live(batch) as live:
        with pytest.raises(errors.InsufficientCreditsError):
            await live.create({**ROW, "key": "refused"})
        settled, _ = await live.look("interrupted")
    results = await run_all(batch)

    assert settled.state == "planned"
    assert {result.key: str(result.state) for result in results} == {"refused": "saved", "interrupted": "saved"}
