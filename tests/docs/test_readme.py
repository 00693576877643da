"""README.md: its commands are complete, it is short, and the pages beside it list every call and every framework."""

from __future__ import annotations

import re
from pathlib import Path

import bluma_async.webhooks
import bluma_sync.webhooks
from bluma_async import AsyncBluma

ROOT = Path(__file__).resolve().parent.parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
CLIENTS = (ROOT / "docs" / "clients.md").read_text(encoding="utf-8")
WEBHOOKS = (ROOT / "docs" / "webhooks.md").read_text(encoding="utf-8")


def test_two_commands_are_complete() -> None:
    """The first video and the tests are one line each, with a virtual environment of their own."""
    commands = [line for line in README.splitlines() if line.startswith("python3 -m venv .venv && ")]

    assert [".venv/bin/bluma generate" in commands[0], commands[1].endswith("-m pytest"), len(commands)] == [
        True,
        True,
        2,
    ]


def test_it_is_short() -> None:
    """A newcomer reads at most 150 lines."""
    assert len(README.splitlines()) <= 150


def test_every_function_for_a_web_framework_is_shown() -> None:
    """docs/webhooks.md shows how each function connects a receiver."""
    names = {*bluma_async.webhooks.__all__, *bluma_sync.webhooks.__all__}

    assert {name for name in names if f"{name}(receiver)" in WEBHOOKS} == names


def test_every_call_of_the_table_exists() -> None:
    """The table of resources lists exactly the calls of each resource."""
    rows = re.findall(r"^\| `(\w+)` \| (`.*`) \|$", CLIENTS, re.MULTILINE)

    listed = {name: set(calls.strip("`").split("` `")) for name, calls in rows}

    for name, calls in listed.items():
        resource = getattr(AsyncBluma, name)
        assert calls == {call for call in dir(resource) if not call.startswith("_")} - {"secret"}
    assert len(listed) == 9


def test_the_celery_task_is_the_one_that_is_tested() -> None:
    """Its program runs in the tests of the page about many processes."""
    [block] = re.findall(r"^```py\n(from celery.*?)^```$", README, re.MULTILINE | re.DOTALL)

    assert block in (ROOT / "docs" / "fleets.md").read_text(encoding="utf-8")


def test_the_worker_of_the_celery_task_is_started() -> None:
    """A task alone waits in vain; the worker has its journal and its folder."""
    [journal, folder] = re.findall(r'bluma\.batch\("(.*)", out="(.*)"\)', README)[0]
    _, _, rest = README.partition("return result.path\n```\n")

    assert f"`bluma worker --journal {journal} --out {folder}`" in rest.partition("\n## ")[0]
