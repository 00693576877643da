"""The Celery task of docs/fleets.md: a task that is delivered twice continues with its own video."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Dict

import pytest

from bluma import Bluma, BlumaError
from tests.live import Live

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

        assert (done.state, type(done.result)) == ("FAILURE", BlumaError)
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
