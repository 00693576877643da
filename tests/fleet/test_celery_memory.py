"""Celery with its broker in memory: a worker in threads of this process."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any, Iterator

import pytest

from bluma_async import AsyncBluma
from bluma_async.errors import BlumaError
from bluma_async.fleet.celery import CeleryEngine, tasks
from tests.live import Live
from tests.postgres import PostgresServer

celery = pytest.importorskip("celery", reason="Celery is not installed")
pytest.importorskip("celery.signals")
pytest.importorskip("psycopg", reason="the extra fleet is not installed")


@pytest.fixture
def live() -> Iterator[Any]:
    """Give a sandbox that finishes videos at once."""
    with Live(at_once=True) as sandbox:
        yield sandbox


@pytest.fixture
def own_logging() -> Iterator[None]:
    """Keep Celery from setting up the logging of this process: later tests read the log."""

    def keep(**_: Any) -> None:
        """Take the place of Celery's own set-up."""

    celery.signals.setup_logging.connect(keep)
    yield
    celery.signals.setup_logging.disconnect(keep)


@pytest.fixture
def own_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the tasks of other tests: Celery gives each task of an app to all apps of the process."""
    from celery import _state

    known = {function for function in _state._on_app_finalizers if function.__module__ == "celery.app.builtins"}
    monkeypatch.setattr(_state, "_on_app_finalizers", known)


@pytest.mark.usefixtures("own_logging", "own_tasks")
@pytest.mark.timeout(60)  # a worker starts in real time
def test_jobs_are_finished_with_a_broker_in_memory(
    live: Any, postgres: str, postgres_server: PostgresServer, tmp_path: Path
) -> None:
    """Each is billed and saved once, although two of the messages come twice."""
    import celery.contrib.testing.worker as testing

    def open_client() -> AsyncBluma:
        return AsyncBluma(live.live_key, live.base_url)

    async def submit() -> None:
        async with open_client() as client:
            rows = [{"template_id": "ugc-text-overlay", "prompt": key, "key": key} for key in "abc"]
            await client.batch(postgres, out=tmp_path).submit(rows)

    asyncio.run(submit())
    app: Any = celery.Celery("app", broker="memory://")
    engine = tasks(app, postgres, out=str(tmp_path), open_client=open_client, poll_interval=0.1)
    query = "SELECT state FROM bluma_jobs ORDER BY place"
    with testing.start_worker(app, pool="threads", concurrency=4, queues=["bluma"], perform_ping_check=False):
        ends = time.monotonic() + 30
        for place in (1, 2, 1, 2):
            app.send_task(engine.name("create"), args=[place], queue="bluma")
        while postgres_server.fetch(postgres, query) != [("saved",)] * 3:
            assert time.monotonic() < ends, postgres_server.fetch(postgres, query)
            for name in ("sweep", "poll"):
                app.send_task(engine.name(name), queue="bluma")
            time.sleep(0.2)
    engine.close()

    assert live.state()["billed"] == 3
    assert sorted(path.name for path in tmp_path.glob("*.mp4")) == ["a.mp4", "b.mp4", "c.mp4"]


def test_a_worker_that_could_not_be_opened_is_opened_by_the_next_task() -> None:
    """Whatever the function raises that makes its client; not by one that comes after the engine was closed."""
    tries = []

    def open_client() -> AsyncBluma:
        tries.append(len(tries))
        raise OSError("The secret store does not answer.")

    engine = CeleryEngine(None, open_client, {"journal": "postgresql://db/app"}, 30.0)
    for _ in range(2):
        with pytest.raises(OSError, match="does not answer"):
            engine.run("sweep", None)
    engine.close()
    with pytest.raises(BlumaError, match="works on no more"):
        engine.run("sweep", None)

    assert tries == [0, 1]
