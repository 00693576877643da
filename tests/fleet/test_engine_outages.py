"""Procrastinate as the engine, when its database is gone, and behind a pooler."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from types import SimpleNamespace
from typing import Any, Callable, List, Optional
from urllib.parse import urlsplit

import pytest

from bluma_async import errors
from bluma_async.fleet import procrastinate_engine
from bluma_async.fleet.procrastinate_engine import ProcrastinateEngine
from bluma_async.stores.postgres.failures import LostDatabaseError, ReplacedTablesError
from tests.pooler import Pooler
from tests.postgres import PostgresServer

procrastinate = pytest.importorskip("procrastinate", reason="Procrastinate is not installed")
psycopg = pytest.importorskip("psycopg", reason="the extra fleet is not installed")
URL = "postgresql://db/app"


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start Procrastinate again at once."""
    monkeypatch.setattr(procrastinate_engine, "PAUSE", 0.01)
    monkeypatch.setattr(procrastinate_engine, "POLL_INTERVAL", 0.05)
    logging.getLogger("procrastinate").setLevel(logging.CRITICAL)


def build_failure(cause: Exception) -> Exception:
    """Return an exception of Procrastinate about one of psycopg."""
    failure: Exception = procrastinate.exceptions.ConnectorException("Database error.")
    failure.__cause__ = cause
    return failure


class FakeApp:
    """Takes the place of Procrastinate: each run of it ends as a list says, and the one after that does not end."""

    def __init__(self, *outcomes: Optional[Exception]) -> None:
        self.outcomes = list(outcomes)
        self.is_running = asyncio.Event()
        self.has_ended = False
        self.job_manager = self.connector = self.pool = self

    async def register_worker(self, *_: Any, **__: Any) -> int:
        return 1

    fetch_job = unregister_worker = execute_query_async = register_worker

    async def run_worker_async(self, **_: Any) -> None:
        if not self.outcomes:
            self.is_running.set()
            try:
                await asyncio.Event().wait()
            finally:
                self.has_ended = True
        outcome = self.outcomes.pop(0)
        if outcome is not None:
            raise outcome


def build_engine(app: FakeApp) -> ProcrastinateEngine:
    """Return an engine over a fake."""
    return ProcrastinateEngine(
        SimpleNamespace(
            App=lambda connector: app, PsycopgConnector=lambda **_: None, exceptions=procrastinate.exceptions
        ),
        URL,
    )


async def test_a_worker_ends_when_it_is_asked_to_only(caplog: pytest.LogCaptureFixture) -> None:
    """Procrastinate stops when its database is lost, also without an error; what the lease reports is not logged."""
    gone, refused = psycopg.OperationalError("gone"), psycopg.errors.ForeignKeyViolation("no such worker")
    pruned = [build_failure(refused) for _ in range(2)]
    app = FakeApp(build_failure(gone), None, gone, *pruned)
    told: List[bool] = []

    running = asyncio.ensure_future(build_engine(app).run(1, lambda: told.append(app.has_ended)))
    await app.is_running.wait()
    os.kill(os.getpid(), signal.SIGTERM)
    await running

    assert app.has_ended
    assert told == [False]  # it was told before its tasks had ended
    (logged,) = [record.getMessage() for record in caplog.records if record.name == "bluma"]
    assert logged == "The queue of tasks failed, and is started again: no such worker"


async def test_a_queue_that_stays_without_its_database_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    """The lease of the process may have a connection, while the server has no more of them for the queue."""
    app = FakeApp(*(build_failure(psycopg.OperationalError("too many connections")) for _ in range(7)))

    running = asyncio.ensure_future(build_engine(app).run(1))
    await app.is_running.wait()
    running.cancel()
    await asyncio.wait([running])

    (logged,) = [record.getMessage() for record in caplog.records if record.name == "bluma"]
    assert logged == "The queue of tasks failed, and is started again: too many connections"


async def test_a_defect_ends_a_worker() -> None:
    """It would hide for ever in a worker that is started again."""
    with pytest.raises(KeyError):
        await build_engine(FakeApp(KeyError("x"))).run(1)


async def test_tables_that_were_made_anew_end_a_worker() -> None:
    """They may belong to another account, or to another folder: the tasks that run are finished, and none is begun."""
    app = FakeApp()
    app.task = lambda func, **_: SimpleNamespace(func=func)  # type: ignore[attr-defined]  # as Procrastinate's
    engine = build_engine(app)

    async def sweep(_: Optional[int]) -> None:
        await app.is_running.wait()
        raise ReplacedTablesError(URL)

    engine.register("sweep", sweep)
    engine.periodic("sweep", 0.001)

    with pytest.raises(ReplacedTablesError):
        await engine.run(1)
    assert app.has_ended


async def test_a_periodic_task_is_silent_about_a_lost_database(caplog: pytest.LogCaptureFixture) -> None:
    """The lease of the process reports it, once."""
    app, rounds = FakeApp(), iter(range(3))
    app.task = lambda func, **_: SimpleNamespace(func=func)  # type: ignore[attr-defined]  # as Procrastinate's
    engine, is_over = build_engine(app), asyncio.Event()

    async def poll(_: Optional[int]) -> None:
        if next(rounds, None) is None:
            is_over.set()
            raise errors.BlumaError("The key is refused.")
        raise LostDatabaseError("The database is gone.")

    engine.register("poll", poll)
    engine.periodic("poll", 0.001)
    running = asyncio.ensure_future(engine.run(1))
    await is_over.wait()
    running.cancel()
    await asyncio.wait([running])

    logged = [record.getMessage() for record in caplog.records if record.name == "bluma"]
    assert logged == ["The periodic task poll failed: The key is refused."]


async def run_tasks(engine: ProcrastinateEngine, count: int, act: Callable[[], Any]) -> List[Optional[int]]:
    """Run an engine until so many tasks were run, and return their places; act after the first."""
    places: List[Optional[int]] = []
    done = [asyncio.Event(), asyncio.Event()]

    async def work(place: Optional[int]) -> None:
        places.append(place)
        done[0].set()
        if len(places) == count:
            done[1].set()

    engine.register("save", work)
    async with engine.opened():
        await engine.defer("save", 0)
        running = asyncio.ensure_future(engine.run(2))
        await done[0].wait()
        await act()
        for place in range(1, count):
            await engine.defer("save", place)
        await done[1].wait()
        running.cancel()
        await asyncio.wait([running])
    return places


async def test_the_tasks_of_dead_workers_are_deleted(postgres_server: PostgresServer) -> None:
    """Procrastinate keeps them as running ones, one for each task and kill; new tasks stay."""
    url = postgres_server.make_database()
    engine = await ProcrastinateEngine.load(url)
    left = "UPDATE procrastinate_jobs SET status = 'doing'"

    async def abandon() -> None:
        engine.register("other", lambda _: asyncio.sleep(0))
        await engine.defer("other", 7)
        postgres_server.execute(url.rpartition("/")[2], left)

    await run_tasks(engine, 1, abandon)
    kept = postgres_server.fetch(url, "SELECT status FROM procrastinate_jobs")
    await run_tasks(await ProcrastinateEngine.load(url), 1, lambda: asyncio.sleep(0))

    assert kept == [("doing",)]
    assert postgres_server.fetch(url, "SELECT status FROM procrastinate_jobs") == []
    postgres_server.drop(url)


async def test_a_worker_survives_an_outage_that_is_longer_than_its_patience(
    postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is started again until its database is back, and runs tasks then."""
    url = postgres_server.make_database()
    engine = await ProcrastinateEngine.load(url, timeout=0.1)
    real, starts = engine._app.run_worker_async, asyncio.Queue[None]()

    def count(**options: Any) -> Any:
        starts.put_nowait(None)
        return real(**options)

    monkeypatch.setattr(engine._app, "run_worker_async", count)

    async def outage() -> None:
        await asyncio.to_thread(postgres_server.stop)
        for _ in range(4):
            await starts.get()
        await asyncio.to_thread(postgres_server.start)

    places = await run_tasks(engine, 3, outage)
    postgres_server.drop(url)

    assert sorted(places, key=str) == [0, 1, 2]


async def test_a_worker_runs_behind_a_pooler(postgres_server: PostgresServer) -> None:
    """Each of its transactions may have another connection to the server: it prepares no statements."""
    url = postgres_server.make_database()
    pooler = Pooler(urlsplit(url).port or 0)
    engine = await ProcrastinateEngine.load(url.replace(f":{urlsplit(url).port}/", f":{pooler.port}/"))

    places = await run_tasks(engine, 20, lambda: asyncio.sleep(0))
    pooler.close()
    postgres_server.drop(url)

    assert sorted(places, key=str) == sorted(range(20), key=str)
