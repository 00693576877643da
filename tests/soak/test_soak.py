"""The long run itself: a short one works, and growth is reported."""

from __future__ import annotations

import subprocess
import sys
from typing import Dict, List

import attrs
import pytest

from tests.soak.samples import Sample, find_growth

FIRST = Sample(resident=50 * 2**20, descriptors=30, threads=8, tasks=2)


@pytest.mark.skipif(sys.platform != "linux", reason="the memory of a process is read from /proc")
def test_a_short_run_prints_what_it_holds() -> None:
    """A run prints a line for each tenth, and everything that it did."""
    command = [sys.executable, "-W", "error", "-m", "tests.soak", "--scale", "0.0005", "--no-limit"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    lines = done.stdout.splitlines()
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split()[0] for line in lines[1:11]] == [f"{part}/10" for part in range(1, 11)]
    assert all(outcome in lines[11] for outcome in ("succeeded: ", "NotFoundError: ", "event handled: "))


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
