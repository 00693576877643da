"""The Celery task of docs/fleets.md: a task that is delivered twice continues with its own video."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Callable, Dict, Iterator

import pytest

from bluma import Bluma
from bluma_async.sandbox import Sandbox
from tests.live import Live
from tests.postgres import PostgresServer

README = (Path(__file__).resolve().parent.parent.parent / "docs" / "fleets.md").read_text(encoding="utf-8")
(EXAMPLE,) = re.findall(r"```py\n(.*?)```", README, re.DOTALL)
Load = Callable[..., Any]


@pytest.fixture
def live(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """Give a fast sandbox, and the settings and the working directory of a process that uses it."""
    with Live(at_once=True) as sandbox:
        monkeypatch.setenv("BLUMA_API_KEY", sandbox.live_key)
        monkeypatch.setenv("BLUMA_BASE_URL", sandbox.base_url)
        monkeypatch.chdir(tmp_path)
        yield sandbox


@pytest.fixture
def load(live: Sandbox, postgres: str) -> Iterator[Load]:
    """Return the task of the document, with its database and with another timeout."""
    names: Dict[str, Any] = {}

    def load(timeout: int = 900) -> Any:
        exec(EXAMPLE.replace("postgresql://db/app", postgres).replace("timeout=900", f"timeout={timeout}"), names)
        return names["generate_video"]

    yield load
    names["bluma"].close()


def run_job(postgres: str, prompt: str) -> None:
    """Do the work of the task, as another process does."""
    with Bluma() as client:
        batch = client.batch(postgres, out="videos")
        batch.submit([{"key": "task-1", "template_id": "ugc-text-overlay", "prompt": prompt}])
        list(batch.run())


@pytest.mark.timeout(60)  # a server starts, and a blocking client connects
def test_a_task_whose_render_fails_has_failed(load: Load, postgres: str) -> None:
    """It has no path to return; its error is the job's."""
    task = load()
    run_job(postgres, "x [fail]")

    done = task.apply(("ugc-text-overlay", "x [fail]"), task_id="task-1")

    assert (done.state, type(done.result)) == ("FAILURE", RuntimeError)
    assert "failed" in str(done.result)


@pytest.mark.timeout(60)  # a server starts, and a blocking client connects
def test_a_task_that_is_delivered_twice_is_billed_once(load: Load, live: Sandbox, postgres: str) -> None:
    """Its id is the key of its job; any run of the journal does the work."""
    task = load(timeout=0)
    for _ in range(2):
        failed = task.apply(("ugc-text-overlay", "x"), task_id="task-1")  # no worker yet: it waits in vain
        assert "task-1" in str(failed.result)
    with Bluma() as client:
        list(client.batch(postgres, out="videos").run())

    done = task.apply(("ugc-text-overlay", "x"), task_id="task-1")

    assert done.result == str(Path("videos", "task-1.mp4"))
    assert live.state()["billed"] == 1


@pytest.mark.timeout(60)  # servers start, and a blocking client connects
def test_a_task_that_begins_without_its_database_is_retried(
    load: Load, live: Sandbox, postgres: str, postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under its id, so that its job is planned once; here the database is back for the second retry."""
    task, retries = load(), []
    real = task.signature_from_request

    def note_retry(request: Any, *args: Any, countdown: float, **others: Any) -> Any:
        """Take the place of the countdown of a retry."""
        retries.append((request.id, countdown))
        if len(retries) == 2:
            postgres_server.start()
            run_job(postgres, "x")
        return real(request, *args, countdown=countdown, **others)

    monkeypatch.setattr(task, "signature_from_request", note_retry)
    postgres_server.stop()
    done = task.apply(("ugc-text-overlay", "x"), task_id="task-1")

    assert retries == [("task-1", 180)] * 2
    assert done.result == str(Path("videos", "task-1.mp4"))
    assert live.state()["billed"] == 1
