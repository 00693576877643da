"""The Celery task of docs/fleets.md: a task that is delivered twice continues with its own video."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Dict

import pytest

from bluma import Bluma
from tests.live import Live
from tests.postgres import PostgresServer

README = (Path(__file__).resolve().parent.parent.parent / "docs" / "fleets.md").read_text(encoding="utf-8")
(EXAMPLE,) = re.findall(r"```py\n(.*?)```", README, re.DOTALL)


@pytest.mark.timeout(60)  # a server starts, and a blocking client connects
def test_a_task_whose_render_fails_has_failed(postgres: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has no path to return; its error is the job's."""
    with Live(at_once=True) as sandbox:
        monkeypatch.setenv("BLUMA_API_KEY", sandbox.live_key)
        monkeypatch.setenv("BLUMA_BASE_URL", sandbox.base_url)
        monkeypatch.chdir(tmp_path)
        names: Dict[str, Any] = {}
        exec(EXAMPLE.replace("postgresql://db/app", postgres), names)
        with Bluma() as client:
            batch = client.batch(postgres, out="videos")
            batch.submit([{"key": "task-1", "template_id": "ugc-text-overlay", "prompt": "x [fail]"}])
            list(batch.run())

        done = names["generate_video"].apply(("ugc-text-overlay", "x [fail]"), task_id="task-1")

        assert (done.state, type(done.result)) == ("FAILURE", RuntimeError)
        assert "failed" in str(done.result)
        names["bluma"].close()


@pytest.mark.timeout(60)  # a server starts, and a blocking client connects
def test_a_task_that_is_delivered_twice_is_billed_once(
    postgres: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its id is the key of its job; any run of the journal does the work."""
    with Live(at_once=True) as sandbox:
        monkeypatch.setenv("BLUMA_API_KEY", sandbox.live_key)
        monkeypatch.setenv("BLUMA_BASE_URL", sandbox.base_url)
        monkeypatch.chdir(tmp_path)
        names: Dict[str, Any] = {}
        exec(EXAMPLE.replace("postgresql://db/app", postgres).replace("timeout=900", "timeout=0"), names)
        task = names["generate_video"]
        for _ in range(2):
            failed = task.apply(("ugc-text-overlay", "x"), task_id="task-1")  # no worker yet: it waits in vain
            assert "task-1" in str(failed.result)
        with Bluma() as client:
            list(client.batch(postgres, out="videos").run())

        done = task.apply(("ugc-text-overlay", "x"), task_id="task-1")

        assert done.result == str(Path("videos", "task-1.mp4"))
        assert sandbox.state()["billed"] == 1
        names["bluma"].close()


@pytest.mark.timeout(60)  # servers start, and a blocking client connects
def test_a_task_that_begins_without_its_database_is_retried(
    postgres: str, postgres_server: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under its id, so that its job is planned once; here the database is back for the second retry."""
    with Live(at_once=True) as sandbox:
        monkeypatch.setenv("BLUMA_API_KEY", sandbox.live_key)
        monkeypatch.setenv("BLUMA_BASE_URL", sandbox.base_url)
        monkeypatch.chdir(tmp_path)
        names: Dict[str, Any] = {}
        exec(EXAMPLE.replace("postgresql://db/app", postgres), names)
        task, retries = names["generate_video"], []
        real = task.signature_from_request

        def note_retry(request: Any, *args: Any, countdown: float, **others: Any) -> Any:
            """Take the place of the countdown of a retry."""
            retries.append((request.id, countdown))
            if len(retries) == 2:
                postgres_server.start()
                with Bluma() as client:
                    batch = client.batch(postgres, out="videos")
                    batch.submit([{"key": "task-1", "template_id": "ugc-text-overlay", "prompt": "x"}])
                    list(batch.run())
            return real(request, *args, countdown=countdown, **others)

        monkeypatch.setattr(task, "signature_from_request", note_retry)
        postgres_server.stop()
        done = task.apply(("ugc-text-overlay", "x"), task_id="task-1")

        assert retries == [("task-1", 180)] * 2
        assert done.result == str(Path("videos", "task-1.mp4"))
        assert sandbox.state()["billed"] == 1
        names["bluma"].close()
