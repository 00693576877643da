"""The end of a worker whose database is away."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import time
from pathlib import Path
from typing import Any, Callable, List
from urllib.parse import urlsplit

import pytest

from bluma_async import AsyncBluma, errors
from bluma_async.batch import job_creator
from bluma_async.fleet import procrastinate_engine, tasks
from bluma_async.fleet.procrastinate_engine import run_worker
from bluma_async.fleet.worker import opened_worker
from bluma_async.sandbox import Sandbox
from bluma_async.stores.postgres import database
from bluma_async.stores.postgres.jobs import PostgresJobStore
from tests.batch.helpers import make_rows
from tests.fleet.test_tasks import ManualEngine
from tests.postgres import PostgresServer
from tests.proxy import Proxy

pytest.importorskip("procrastinate", reason="Procrastinate is not installed")


@pytest.fixture(autouse=True)
def short_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give a database up soon."""
    monkeypatch.setattr(tasks, "PATIENCE_AT_END", 0.2)
    for module in (database, procrastinate_engine):
        monkeypatch.setattr(module, "BRIEF", 0.1)
    for name in ("procrastinate", "psycopg.pool"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


def connect_through(proxy: Proxy, url: str) -> str:
    """Return the URL of a database behind a proxy."""
    return url.replace(f":{urlsplit(url).port}/", f":{proxy.port}/")


def lose_at_create(sandbox: Sandbox, proxy: Proxy, end: Callable[[], Any]) -> None:
    """Lose the database while a create is answered, and ask a worker to end."""

    async def lose(record: Any) -> None:
        if record.route == "POST /videos":
            end()
            await asyncio.to_thread(proxy.close)

    sandbox.watch(lose)


def find_videos(caplog: pytest.LogCaptureFixture) -> List[str]:
    """Return the videos that the errors in the log name, in their field and in their text."""
    failures = [record for record in caplog.records if record.levelname == "ERROR" and record.name == "bluma"]
    assert all(record.__dict__["video"] in record.getMessage() for record in failures)
    return [record.__dict__["video"] for record in failures]


async def test_a_worker_ends_soon_and_names_the_paid_video_that_it_could_not_record(
    sandbox: Sandbox,
    client: AsyncBluma,
    postgres_server: PostgresServer,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Its calls in a row share one deadline; the error makes the exit code another one than 0."""
    url = postgres_server.make_database()
    proxy = Proxy(urlsplit(url).port or 0)
    batch = client.batch(connect_through(proxy, url), out=tmp_path)
    await batch.submit(make_rows(1))
    lose_at_create(sandbox, proxy, lambda: os.kill(os.getpid(), signal.SIGTERM))
    began = time.monotonic()

    with pytest.raises(errors.BlumaError, match="is paid, and could not be recorded") as caught:
        await run_worker(batch)

    assert time.monotonic() - began < 8
    assert find_videos(caplog) == [caught.value.video_id] == [video.id for video in (await client.videos.list())]
    postgres_server.drop(url)


async def test_a_cancelled_create_names_the_paid_video_that_it_could_not_record(
    sandbox: Sandbox,
    client: AsyncBluma,
    postgres: str,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An engine that has no more time cancels its tasks while the bill is being recorded: nobody reads the error."""
    real = PostgresJobStore.bill

    async def bill(*given: Any, **options: Any) -> Any:
        creating.cancel()
        return await real(*given, **options)

    monkeypatch.setattr(PostgresJobStore, "bill", bill)
    monkeypatch.setattr(job_creator, "GRACE", 0.0)
    proxy, engine = Proxy(urlsplit(postgres).port or 0), ManualEngine()
    batch = client.batch(connect_through(proxy, postgres))
    await batch.submit(make_rows(1))

    async with opened_worker(batch, engine) as worker:
        creating = asyncio.ensure_future(engine.tasks["create"](1))
        lose_at_create(sandbox, proxy, worker.stop)
        await asyncio.wait([creating])

    assert creating.cancelled()
    assert find_videos(caplog) == [video.id for video in await client.videos.list()]


async def test_a_paid_video_that_was_found_meanwhile_is_no_failure(
    client: AsyncBluma, postgres: str, tmp_path: Path
) -> None:
    """Another process may have settled the create when the database was back."""
    batch, engine = client.batch(postgres, out=tmp_path), ManualEngine()
    await batch.submit(make_rows(2))

    async with opened_worker(batch, engine) as worker:
        await engine.tasks["create"](1)
        for place in (1, 2):
            job = await worker._store.read(place)
            assert job is not None
            worker._parts.api.note_unrecorded(job, f"batch_{place}", errors.BlumaError("It was lost."))

        with pytest.raises(errors.BlumaError, match="Video batch_2 of job k1 is paid"):
            await worker.require_recorded()
