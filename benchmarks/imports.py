"""
The import time of the SDK against that of aiohttp, and of `bluma --help` against that of click, in new processes.

The start of the interpreter is left out of the first, and counts in the second: a user waits for it.
"""

from __future__ import annotations

import subprocess
import sys
import time
from typing import List

from benchmarks.measure import Cost, Row, make_row


def time_process(code: str) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - began


def compare_help(rounds: int) -> Row:
    shown = (
        "import io, sys\nsys.argv[1:], sys.stdout = ['--help'], io.StringIO()\nfrom bluma_command import main\nmain()"
    )
    pairs: List[List[Cost]] = []
    for _ in range(rounds):
        times = [time_process(code) * 1e6 for code in ("import click", shown)]
        pairs.append([Cost(taken, taken) for taken in times])
    return make_row("bluma --help (against python -c 'import click')", pairs, 1.2)


def run(rounds: int) -> List[Row]:
    rows: List[Row] = [compare_help(rounds)]
    for statement in ("import bluma", "from bluma import AsyncBluma", "from bluma import Bluma"):
        pairs: List[List[Cost]] = []
        for _ in range(rounds):
            bare = time_process("pass")
            times = [max(time_process(code) - bare, 1e-5) * 1e6 for code in ("import aiohttp", statement)]
            pairs.append([Cost(taken, taken) for taken in times])
        rows.append(make_row(f"{statement} (against import aiohttp)", pairs, 0.5))
    return rows
