"""The tasks of a worker, called by hand as an engine would call them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, Dict, List, Tuple

import pytest

from bluma_async import AsyncBluma
from bluma_async.fleet.engine import Task
from bluma_async.fleet.worker import opened_worker
from bluma_async.resources._video_source import VideoSource
from bluma_async.sandbox import Sandbox
from bluma_async.types._model import utc_now
from tests.batch.helpers import make_rows
from tests.batch.test_reuse import same
from tests.batch.test_shared import leave_open


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


async def list_states(batch: Any) -> List[Tuple[str, str, bool]]:
    """Return the key and state of each job, and whether its video was reused."""
    return [(result.key, str(result.state), result.reused) async for result in batch.results()]
