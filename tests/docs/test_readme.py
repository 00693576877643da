"""What README.md shows runs as it stands."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Iterator

import pytest

from bluma_async import AsyncBluma
from bluma_async.sandbox import Sandbox
from tests.live import Live

ROOT = Path(__file__).resolve().parent.parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


@pytest.fixture(scope="module")
def environment() -> Iterator[Any]:
    """Give the environment that leads to a sandbox in a thread of its own."""
    live = Live(at_once=True)  # the first poll finds every video finished: the next may come after 30 s
    with live as sandbox:
        live.run(keep_local(sandbox))
        luma = {f"{name.upper()}_BASE_URL": sandbox.luma_url(name) for name in ("kie", "umami", "vapi")}
        keys = {f"{name}_API_KEY": sandbox.live_key for name in ("BLUMA", "KIE", "UMAMI", "VAPI")}
        yield {**os.environ, **luma, **keys, "BLUMA_BASE_URL": sandbox.base_url}


async def keep_local(sandbox: Sandbox) -> None:
    """Send no callbacks: the examples ask for them at hosts of other people."""
    sandbox._running.jobs.ended = lambda _: None


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_every_example_runs(environment: Any, number: int, tmp_path: Path) -> None:
    """Each Python block is a program, and prints something if it does something, and warns of nothing."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", EXAMPLES[number]],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        cwd=tmp_path,
    )

    assert (done.stderr, done.returncode) == ("", 0)
    assert done.stdout or "web.Application()" in EXAMPLES[number]


def test_there_are_two_commands_that_do_everything() -> None:
    """Each is one line, and makes its own virtual environment."""
    commands = [line for line in README.splitlines() if line.startswith("python3 -m venv .venv && ")]

    assert ["-m bluma generate" in commands[0], commands[1].endswith("-m pytest"), len(commands)] == [True, True, 2]


def test_every_call_of_the_table_exists() -> None:
    """The table of resources names what there is, all of it."""
    rows = re.findall(r"^\| `(\w+)` \| (`.*`) \|$", README, re.MULTILINE)

    told = {name: set(calls.strip("`").split("` `")) for name, calls in rows}

    for name, calls in told.items():
        resource = getattr(AsyncBluma, name)
        assert calls == {call for call in dir(resource) if not call.startswith("_")} - {"secret"}
    assert len(told) == 9
