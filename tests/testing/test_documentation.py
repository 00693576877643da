"""docs/testing.md: its tests pass as they are written, and its tables are complete."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bluma_async.sandbox.faults import KINDS
from bluma_testing import plugin

pytest_plugins = ["pytester"]
OPTIONS = ("-p", "no:randomly", "-o", "asyncio_default_fixture_loop_scope=function")
TEXT = (Path(__file__).resolve().parents[2] / "docs" / "testing.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", TEXT, flags=re.DOTALL)


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_a_block_passes(pytester: pytest.Pytester, number: int) -> None:
    """Each block is a file of tests."""
    pytester.makepyfile(BLOCKS[number])

    outcome = pytester.runpytest_inprocess("-p", "bluma_testing.plugin", "-p", "no:cacheprovider", *OPTIONS)

    outcomes = outcome.parseoutcomes()
    assert set(outcomes) <= {"passed", "warnings", "warning"}
    assert outcomes["passed"] >= 1


def test_the_tables_are_complete() -> None:
    """Every kind of fault and every fixture has a line."""
    lines = [line.split("|")[1] for line in TEXT.splitlines() if line.startswith("| `")]
    listed = {name for line in lines for name in re.findall(r"`(\w+)`", line)}

    assert listed == KINDS | set(plugin.__all__)
