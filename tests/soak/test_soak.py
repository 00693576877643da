"""The long run itself: a short one works, and growth is reported."""

from __future__ import annotations

import gc
import sys
from pathlib import Path
from typing import Any, Dict, Iterator, List

import attrs
import pytest

from bluma_async.sandbox import Sandbox
from tests.soak.__main__ import run
from tests.soak.samples import Sample, find_growth
from tests.soak.server import SETTINGS, add_faults

FIRST = Sample(resident=50 * 2**20, descriptors=30, threads=8, tasks=2)


@pytest.fixture
def frozen_heap() -> Iterator[None]:
    """Hide what the suite holds from the collector: a run collects ten times, which would take seconds each."""
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.usefixtures("frozen_heap")
@pytest.mark.skipif(sys.platform != "linux", reason="the memory of a process is read from /proc")
async def test_a_short_run_prints_what_it_holds(tmp_path: Path, capsys: Any) -> None:
    """A run prints a line for each tenth, and everything that it did, and leaves no file."""
    async with Sandbox(**SETTINGS) as sandbox:
        add_faults(sandbox)
        samples = await run(sandbox.base_url, sandbox.live_key, 0.0001, tmp_path)

    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[1:11]] == [f"{part}/10" for part in range(1, 11)]
    assert all(outcome in lines[11] for outcome in ("succeeded: ", "NotFoundError: ", "event handled: "))
    assert len(samples) == 10
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("later", "found"),
    [
        ({}, []),
        ({"resident": 52 * 2**20, "descriptors": 46, "threads": 24, "tasks": 18}, []),
        ({"resident": 53 * 2**20}, ["resident memory by 3.00 MiB"]),
        ({"descriptors": 47}, ["descriptors from 30 to 47"]),
        ({"threads": 25, "tasks": 19}, ["threads from 8 to 25", "tasks from 2 to 19"]),
    ],
)
def test_growth_is_found(later: Dict[str, int], found: List[str]) -> None:
    """Memory may grow by 2 MiB after the first tenth; the counts by what pools hold."""
    assert find_growth([FIRST, attrs.evolve(FIRST, **later), FIRST]) == found
