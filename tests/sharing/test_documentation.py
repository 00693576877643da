"""docs/fleets.md: its examples run as they are written."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Dict

import pytest

from tests.live import Live

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "fleets.md").read_text(encoding="utf-8")
FIRST, TASK, RECEIVER = re.findall(r"```python\n(.*?)```", TEXT, flags=re.DOTALL)


@pytest.mark.parametrize(("example", "printed"), [(FIRST, "True completed\n"), (RECEIVER, "False\n")])
def test_an_example_runs(
    postgres: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], example: str, printed: str
) -> None:
    """Each example of docs/fleets.md runs with a real database and a local API."""
    with Live(at_once=True) as sandbox:
        monkeypatch.setenv("BLUMA_API_KEY", sandbox.live_key)
        monkeypatch.setenv("BLUMA_BASE_URL", sandbox.base_url)

        exec(example.replace("postgresql://db/app", postgres), {})

    assert capsys.readouterr().out == printed


def test_a_task_that_is_delivered_twice_is_billed_once(postgres: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its id is the key of its video."""
    with Live(at_once=True) as sandbox:
        monkeypatch.setenv("BLUMA_API_KEY", sandbox.live_key)
        monkeypatch.setenv("BLUMA_BASE_URL", sandbox.base_url)
        names: Dict[str, Any] = {}
        exec(TASK.replace("postgresql://db/app", postgres), names)
        task = names["generate_video"]

        done = [task.apply(("ugc-text-overlay", "x"), task_id="task-1") for _ in range(2)]

        assert done[0].result == done[1].result
        assert str(done[0].result).startswith("http")
        assert sandbox.state()["billed"] == 1
        names["bluma"].close()
