"""The tasks of a worker, called by hand as an engine would call them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, Dict, List, Tuple

import pytest

from bluma_async import AsyncBluma, errors
from bluma_async.batch.job_runner import JobRunner
from bluma_async.batch.sharing import SharedJobs
from bluma_async.fleet.engine import Task
from bluma_async.fleet.pausing import PAUSE, PausingStop
from bluma_async.fleet.tasks import READS_AT_ONCE
from bluma_async.fleet.worker import opened_worker
from bluma_async.resources._videos.source import VideoSource
from bluma_async.sandbox import Sandbox
from bluma_async.types._model import utc_now
from tests.batch.helpers import make_rows
from tests.batch.test_reuse import same
from tests.batch.test_shared import leave_open
from tests.fakes import FakeClock


class ManualEngine:
    """Keeps tasks until they are called."""

    def __init__(self) -> None:
        self.tasks: Dict[str, Task] = {}
        self.deferred: List[Tuple[str, int]] = []

    def register(self, name: str, task: Task) -> None:
        self.tasks[name] = task

    async def defer(self, name: str, place: int) -> None:
        self.deferred.append((name, place))

    def periodic(self, name: str, seconds: float) -> None:
        """Do nothing: a test calls the task."""


async def test_one_poll_ends_all_jobs_of_a_video(
    sandbox: Sandbox, client: AsyncBluma, postgres: str, tmp_path: Path
) -> None:
    """Jobs of the same content share the video of the first one; each gets a file of its own."""
    batch = client.batch(postgres, out=tmp_path, poll_interval=0.01, reuse="content")
    await batch.submit(same("a", "b", "c"))
    engine = ManualEngine()

    async with opened_worker(batch, engine):
        for place in (1, 2, 3):
            await engine.tasks["create"](place)
        states = await list_states(batch)
        await sandbox.advance(105)
        await engine.tasks["poll"](None)
        for name, place in list(engine.deferred):
            await engine.tasks[name](place)

    assert states == [("a", "rendering", False), ("b", "rendering", True), ("c", "rendering", True)]
    assert sorted(engine.deferred) == [("save", 1), ("save", 2), ("save", 3)]
    assert [state for _, state, _ in await list_states(batch)] == ["saved"] * 3
    assert (sandbox.state()["billed"], len(list(tmp_path.glob("*.mp4")))) == (1, 3)


async def test_a_task_that_waits_for_its_turn_settles_what_holds_it(
    sandbox: Sandbox, client: AsyncBluma, postgres: str, tmp_path: Path, postgres_server: Any
) -> None:
    """Tasks that wait may take every place of an engine: no sweep would be run."""
    batch = client.batch(postgres, out=tmp_path)
    await batch.submit(make_rows(2))
    await leave_open(postgres, "k0", utc_now(), settles_after=0.0)
    postgres_server.fetch(postgres, "UPDATE bluma_workers SET ends_at = now() - interval '1 s' RETURNING 1")
    engine = ManualEngine()

    async with opened_worker(batch, engine):
        await engine.tasks["create"](2)

    assert await list_states(batch) == [("k0", "planned", False), ("k1", "rendering", False)]
    assert sandbox.state()["billed"] == 1


def test_a_pause_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    """Creates that were in flight as it began have the same reason; the next pause is logged again."""
    clock = FakeClock()
    stop = PausingStop(clock)

    for number, seconds in enumerate((0.0, 0.01, PAUSE + 1, 0.01)):
        clock.time += seconds
        stop.set(errors.BlumaError(f"Reason {number}."))

    assert [record.getMessage() for record in caplog.records] == [
        f"No video is created for {PAUSE:g} s: Reason {number}." for number in (0, 2)
    ]


@pytest.mark.parametrize("is_late", [False, True])
async def test_a_worker_obeys_the_limit_of_another_process(
    sandbox: Sandbox, client: AsyncBluma, postgres: str, *, is_late: bool
) -> None:
    """It names no limit, and knows that the first video costs 2 credits; also if the limit is set while it works."""
    batch, limited = client.batch(postgres), client.batch(postgres, max_credits=1)
    await (batch if is_late else limited).submit(make_rows(2))
    engine = ManualEngine()

    async with opened_worker(batch, engine):
        await limited.submit([])
        for place in (1, 2):
            await engine.tasks["create"](place)

    assert (sandbox.state()["billed"], (await batch.status()).planned) == (0, 2)


async def test_a_worker_knows_the_highest_price_of_a_variant(
    sandbox: Sandbox, client: AsyncBluma, postgres: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Its template is unknown, so the prices of all templates are read before its create."""
    variant = await client.variants.create("ugc-text-overlay", "mine")
    rows = [{"variant_id": variant.id, "prompt": f"Why? {number}", "key": f"v{number}"} for number in range(2)]
    await client.batch(postgres, max_credits=3).submit(rows)
    engine = ManualEngine()

    async with opened_worker(client.batch(postgres), engine):
        await engine.tasks["create"](1)
        await engine.tasks["create"](2)

    assert sandbox.state()["billed"] == 1
    assert "of max_credits=3 are spent" in caplog.text


async def test_a_worker_that_may_not_read_prices_says_so(
    sandbox: Sandbox, client: AsyncBluma, postgres: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Under a limit it creates nothing; it works without one."""
    batch = client.batch(postgres)
    await batch.submit(make_rows(2))
    sandbox.faults.add("GET /templates/{}", "status", status=403, times=None)
    engine = ManualEngine()

    async with opened_worker(batch, engine):
        await engine.tasks["create"](1)
        await client.batch(postgres, max_credits=100).submit([])
        await engine.tasks["create"](2)

    assert sandbox.state()["billed"] == 1
    assert "The prices cannot be read, and there is a credit limit, so nothing is submitted: " in caplog.text


async def test_a_failing_store_does_not_hide_a_cancellation(
    client: AsyncBluma, postgres: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that is told to stop does so, even if it cannot give the job back. Its lease ends by itself."""
    batch = client.batch(postgres, out=tmp_path)
    await batch.submit(make_rows(1))
    engine, is_creating = ManualEngine(), asyncio.Event()

    async def create(*_: Any) -> None:
        is_creating.set()
        await asyncio.Event().wait()

    async def fail(*_: Any, **__: Any) -> None:
        raise errors.BlumaError("The database is lost.")

    monkeypatch.setattr(JobRunner, "create", create)
    monkeypatch.setattr(SharedJobs, "finish", fail)
    async with opened_worker(batch, engine):
        task = asyncio.ensure_future(engine.tasks["create"](1))  # type: ignore[arg-type]  # a coroutine
        await is_creating.wait()
        task.cancel()
        await asyncio.wait([task])

    assert task.cancelled()


async def test_a_poll_that_takes_longer_than_its_period_is_not_doubled(
    sandbox: Sandbox, client: AsyncBluma, postgres: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A small budget makes a poll slow; other processes would read the same videos meanwhile."""
    batch = client.batch(postgres, out=tmp_path, poll_interval=0.001)
    await batch.submit(make_rows(1))
    engines, reads, answers = [ManualEngine(), ManualEngine()], asyncio.Queue(), asyncio.Event()
    real = VideoSource.poll

    async def read(source: VideoSource, *given: Any) -> Any:
        reads.put_nowait(given)
        await answers.wait()
        return await real(source, *given)

    monkeypatch.setattr(VideoSource, "poll", read)
    async with opened_worker(batch, engines[0]), opened_worker(batch, engines[1]):
        await engines[0].tasks["create"](1)
        polling = asyncio.ensure_future(engines[0].tasks["poll"](None))
        await reads.get()
        await engines[1].tasks["poll"](None)
        assert reads.empty()
        answers.set()
        await polling


async def start_many(batch: Any, engine: ManualEngine, count: int) -> None:
    """Submit jobs, and create their videos."""
    await batch.submit(make_rows(count))
    for place in range(1, count + 1):
        await engine.tasks["create"](place)


async def test_jobs_end_although_lists_fail(
    sandbox: Sandbox, client: AsyncBluma, postgres: str, tmp_path: Path
) -> None:
    """Lists can fail alone: each video is read by itself then."""
    batch, engine = client.batch(postgres, out=tmp_path, poll_interval=0.01), ManualEngine()
    sandbox.faults.add("GET /videos", "status", times=None, status=500)

    async with opened_worker(batch, engine):
        await start_many(batch, engine, 9)
        await sandbox.advance(105)
        await engine.tasks["poll"](None)

    assert [state for _, state, _ in await list_states(batch)] == ["rendered"] * 9


async def test_a_server_that_is_down_is_not_asked_for_each_video(
    sandbox: Sandbox, client: AsyncBluma, postgres: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reads after a list that failed end with the first ones that all fail."""
    batch, engine = client.batch(postgres, out=tmp_path, poll_interval=0.01), ManualEngine()
    reads: List[Any] = []

    async def fail(_: VideoSource, *given: Any) -> Any:
        reads.append(given)
        raise errors.NetworkError("down")

    async with opened_worker(batch, engine):
        await start_many(batch, engine, READS_AT_ONCE + 1)
        monkeypatch.setattr(VideoSource, "list_active", fail)
        monkeypatch.setattr(VideoSource, "poll", fail)
        await engine.tasks["poll"](None)

    assert len(reads) == 1 + READS_AT_ONCE


async def test_a_spent_budget_is_one_line_in_the_log(
    postgres: str, tmp_path: Path, postgres_server: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """The videos cannot be read for an hour; the log says why, and not that each of them could not be read."""
    caplog.set_level("INFO", "bluma")
    engine = ManualEngine()
    async with Sandbox(clock="manual", render=False, rate_limit=30) as sandbox:
        client = AsyncBluma(sandbox.live_key, base_url=sandbox.base_url, timeout=0.2)
        batch = client.batch(postgres, out=tmp_path, poll_interval=0.01)
        async with client, opened_worker(batch, engine):
            await start_many(batch, engine, READS_AT_ONCE)
            caplog.clear()
            while not caplog.records:
                postgres_server.fetch(postgres, "DELETE FROM bluma_leases RETURNING 1")  # of the turn to poll
                await engine.tasks["poll"](None)

    [line] = [record.getMessage() for record in caplog.records]
    assert line.startswith("The hourly budget of this key is ")


async def list_states(batch: Any) -> List[Tuple[str, str, bool]]:
    """Return the key and state of each job, and whether its video was reused."""
    return [(result.key, str(result.state), result.reused) async for result in batch.results()]
