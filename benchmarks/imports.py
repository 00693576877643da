"""The import time of the SDK against that of aiohttp: in new processes, less the start of the interpreter."""

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


def run(rounds: int) -> List[Row]:
    rows: List[Row] = []
    for statement in ("import bluma", "from bluma import AsyncBluma", "from bluma import Bluma"):
        pairs: List[List[Cost]] = []
        for _ in range(rounds):
            bare = time_process("pass")
            times = [max(time_process(code) - bare, 1e-5) * 1e6 for code in ("import aiohttp", statement)]
            pairs.append([Cost(taken, taken) for taken in times])
        rows.append(make_row(f"{statement} (against import aiohttp)", pairs, 0.5))
    return rows
