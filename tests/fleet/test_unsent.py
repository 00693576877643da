"""Creates that were not sent when their process is asked to end: they are planned again, and are in doubt never."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, Callable, List

import pytest

from bluma_async import AsyncBluma
from bluma_async._wire.call import Safety
from bluma_async.batch import job_creator, sharing
from bluma_async.fleet.worker import opened_worker
from bluma_async.sandbox import Sandbox
from bluma_async.sharing.pacing import Pacer
from bluma_async.stores.sqlite.jobs import SQLiteJobStore
from tests.batch.helpers import make_rows, run_all
from tests.fleet.test_tasks import ManualEngine, list_states
from tests.postgres import PostgresServer


class Held:
    """A step of a create that does not end. Calls for other requests go on."""

    def __init__(self, real: Callable[..., Any]) -> None:
        self.real = real
        self.has_begun = asyncio.Event()
        self.goes_on = asyncio.Event()

    async def __call__(self, *args: Any, **options: Any) -> Any:
        if all(getattr(each, "safety", Safety.COSTS_MONEY) is Safety.COSTS_MONEY for each in args):
            self.has_begun.set()
            await self.goes_on.wait()
        return await self.real(*args, **options)

    @classmethod
    def patched(cls, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str) -> Held:
        """Return the step in the place of a function."""
        held = cls(getattr(owner, name))

        async def step(*args: Any, **options: Any) -> Any:
            return await held(*args, **options)

        monkeypatch.setattr(owner, name, step)
        return held


@pytest.fixture(autouse=True)
def no_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cancel creates at once."""
    monkeypatch.setattr(job_creator, "GRACE", 0.0)


async def fetch_states(server: PostgresServer, url: str) -> List[Any]:
    """Return the state of each job, whether a process holds it, whether it is due, and the creates that are open."""
    jobs = "SELECT state, holder IS NULL, deferred_at IS NULL FROM bluma_jobs ORDER BY place"
    opened = "SELECT count(*)::int FROM bluma_intents WHERE outcome IS NULL"
    return [*server.fetch(url, jobs), *server.fetch(url, opened)]


@pytest.mark.parametrize(("owner", "name"), [(Pacer, "wait"), (sharing, "announce")])
async def test_a_create_that_is_cancelled_before_it_is_sent_is_planned(
    quick: Sandbox,
    client: AsyncBluma,
    postgres: str,
    postgres_server: PostgresServer,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    owner: Any,
    name: str,
) -> None:
    """It waits for the budget of all processes, or announces itself. A stranger's video is not taken for its own."""
    held = Held.patched(monkeypatch, owner, name)
    running = asyncio.ensure_future(run_all(client.batch(postgres, out=tmp_path), make_rows(1)))
    await held.has_begun.wait()
    running.cancel()
    await asyncio.wait([running])
    states = await fetch_states(postgres_server, postgres)
    quick.create_as_stranger("ugc-text-overlay")
    held.goes_on.set()

    results = await run_all(client.batch(postgres, out=tmp_path))

    assert running.cancelled()
    assert states == [("planned", True, True), (0,)]
    assert [result.state for result in results] == ["saved"]
    assert quick.state()["billed"] == 1


async def test_a_run_does_not_wait_for_a_create_that_was_not_sent(
    quick: Sandbox, client: AsyncBluma, postgres: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A create that was sent gets some seconds for its answer; this one waits for the budget of the next hour."""
    monkeypatch.setattr(job_creator, "GRACE", 1e6)
    held = Held.patched(monkeypatch, Pacer, "wait")
    running = asyncio.ensure_future(run_all(client.batch(postgres, out=tmp_path), make_rows(1)))
    await held.has_begun.wait()
    running.cancel()
    await asyncio.wait([running])

    assert running.cancelled()


async def test_a_create_that_is_cancelled_as_its_intent_is_recorded_is_planned(
    quick: Sandbox, client: AsyncBluma, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The intent is written, and the cancellation comes before anything is sent."""
    real, is_written = SQLiteJobStore.intend, asyncio.Event()

    async def intend(*args: Any) -> Any:
        await real(*args)
        is_written.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(SQLiteJobStore, "intend", intend)
    batch = client.batch(out=tmp_path)
    running = asyncio.ensure_future(run_all(batch, make_rows(1)))
    await is_written.wait()
    running.cancel()
    await asyncio.wait([running])

    assert running.cancelled()
    assert await list_states(batch) == [("k0", "planned", False)]
    assert quick.state()["billed"] == 0


async def test_a_worker_that_is_asked_to_end_sends_nothing_for_a_create_that_waits_for_the_budget(
    sandbox: Sandbox,
    client: AsyncBluma,
    postgres: str,
    postgres_server: PostgresServer,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """The wait ends at once, and the job is due for other workers at once."""
    batch, engine = client.batch(postgres, out=tmp_path), ManualEngine()
    await batch.submit(make_rows(1))
    held = Held.patched(monkeypatch, Pacer, "wait")

    async with opened_worker(batch, engine) as tasks:
        await engine.tasks["sweep"](None)
        creating = asyncio.ensure_future(engine.tasks["create"](1))
        await held.has_begun.wait()
        tasks.stop()
        await creating

    assert await fetch_states(postgres_server, postgres) == [("planned", True, True), (0,)]
    assert sandbox.state()["billed"] == 0


async def test_a_worker_that_is_asked_to_end_finishes_what_it_has_sent_only(
    sandbox: Sandbox,
    client: AsyncBluma,
    postgres: str,
    postgres_server: PostgresServer,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """A task that waits for the turn of its template would buy a video after the signal."""
    batch, engine = client.batch(postgres, out=tmp_path), ManualEngine()
    await batch.submit(make_rows(2))

    async with opened_worker(batch, engine) as tasks:
        held = Held.patched(monkeypatch, sharing.JobCoordinator, "is_anothers")  # the answer of the first is here
        creating = [asyncio.ensure_future(engine.tasks["create"](place)) for place in (1, 2)]
        await held.has_begun.wait()
        tasks.stop()
        held.goes_on.set()
        await asyncio.gather(*creating)

    assert await fetch_states(postgres_server, postgres) == [("rendering", True, True), ("planned", True, True), (0,)]
    assert sandbox.state()["billed"] == 1
