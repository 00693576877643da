"""The time to import the SDK, against the time to import aiohttp; fresh processes, less the bare interpreter."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import List

from benchmarks.measure import Cost, Row, row_of


def seconds(code: str) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - began


def run(rounds: int) -> List[Row]:
    rows: List[Row] = []
    for what in ("import bluma_async", "import bluma", "from bluma_async import AsyncBluma"):
        pairs: List[List[Cost]] = []
        for _ in range(rounds):
            bare = seconds("pass")
            times = [max(seconds(code) - bare, 1e-5) * 1e6 for code in ("import aiohttp", what)]
            pairs.append([Cost(taken, taken) for taken in times])
        limit = 0.5 if what.startswith("import") else float("nan")
        rows.append(row_of(f"{what} (aiohttp: the same)", pairs, limit))
    return rows
