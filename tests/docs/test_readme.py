"""The examples and commands of README.md work as they are written."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Iterator

import pytest

import bluma_async.webhooks
import bluma_sync.webhooks
from bluma_async import AsyncBluma
from bluma_async.sandbox import Sandbox
from tests.live import Live

ROOT = Path(__file__).resolve().parent.parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


@pytest.fixture(scope="module")
def environment() -> Iterator[Any]:
    """Give the environment variables that lead to a sandbox in another thread."""
    live = Live(at_once=True)  # every first poll finds the video finished: the next poll could be 30 s later
    with live as sandbox:
        live.run(keep_local(sandbox))
        luma = {f"{name.upper()}_BASE_URL": sandbox.luma_url(name) for name in ("kie", "umami", "vapi")}
        keys = {f"{name}_API_KEY": sandbox.live_key for name in ("BLUMA", "KIE", "UMAMI", "VAPI")}
        yield {**os.environ, **luma, **keys, "BLUMA_BASE_URL": sandbox.base_url}


async def keep_local(sandbox: Sandbox) -> None:
    """Send no callbacks: the examples name hosts that belong to others."""
    sandbox._running.jobs.ended = lambda _: None


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_every_example_runs(environment: Any, number: int, tmp_path: Path) -> None:
    """Each Python block runs as a program without a warning, and prints something unless it only defines a server."""
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


def test_two_commands_are_complete() -> None:
    """The first video and the tests are one line each, with a virtual environment of their own."""
    commands = [line for line in README.splitlines() if line.startswith("python3 -m venv .venv && ")]

    assert ["-m bluma generate" in commands[0], commands[1].endswith("-m pytest"), len(commands)] == [True, True, 2]


def test_every_function_for_a_web_framework_is_shown() -> None:
    """README.md shows how each function connects a receiver."""
    names = {*bluma_async.webhooks.__all__, *bluma_sync.webhooks.__all__}

    assert {name for name in names if f"{name}(receiver)" in README} == names


def test_every_call_of_the_table_exists() -> None:
    """The table of resources lists exactly the calls of each resource."""
    rows = re.findall(r"^\| `(\w+)` \| (`.*`) \|$", README, re.MULTILINE)

    listed = {name: set(calls.strip("`").split("` `")) for name, calls in rows}

    for name, calls in listed.items():
        resource = getattr(AsyncBluma, name)
        assert calls == {call for call in dir(resource) if not call.startswith("_")} - {"secret"}
    assert len(listed) == 9
