"""A plan of 200,000 rows against reading their CSV file with the standard library, and its memory."""

from __future__ import annotations

import asyncio
import csv
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import List, Tuple

from bluma_async import AsyncBluma
from bluma_async.sandbox import Sandbox

ROWS = 200_000
FEW = 20_000
LIMIT = 3.0
TEMPLATES = ("ugc-text-overlay", "cat-explainer-v2", "rick-morty-explainer")
WORDS = "video cat sky blue why explain product launch funny dialogue computer show new amazing simple".split()  # noqa: SIM905 - readable


def write(file: Path, rows: int, keys: str) -> None:
    """Write a CSV file; `keys` is "with" or "without"."""
    chosen = random.Random(14)
    own = 0 if keys == "with" else 1  # the key is the first column
    with file.open("w", newline="", encoding="utf-8") as opened:
        lines = csv.writer(opened)
        lines.writerow(["key", "template_id", "prompt", "resolution", "context.system_prompt"][own:])
        for number in range(rows):
            prompt = " ".join(chosen.choices(WORDS, k=12))
            tone = chosen.choice(("", "You are an enthusiastic marketer"))
            resolution = chosen.choice(("720p", "1080p", "4k", ""))
            lines.writerow([f"job-{number}", chosen.choice(TEMPLATES), prompt, resolution, tone][own:])


def read(file: Path) -> float:
    began = time.process_time()
    with file.open(newline="", encoding="utf-8") as opened:
        for _ in csv.DictReader(opened):
            pass
    return time.process_time() - began


async def plan(file: Path, folder: Path, rounds: int) -> Tuple[List[float], List[float], float]:
    """Return the CPU seconds of plans and of reads, and by how many megabytes the plans have let the process grow."""
    plans: List[float] = []
    reads: List[float] = []
    async with AsyncExitStack() as opened:
        sandbox = await opened.enter_async_context(Sandbox(render=False, clock="manual"))
        client = await opened.enter_async_context(AsyncBluma(sandbox.live_key, base_url=sandbox.base_url))
        batch = client.batch(out=folder / "out")
        await batch.plan([{"template_id": name, "prompt": "x"} for name in TEMPLATES])
        before = measure_memory()
        for _ in range(rounds):
            reads.append(read(file))
            began = time.process_time()
            made = await batch.plan(file)
            plans.append(time.process_time() - began)
            assert made.is_valid
    return plans, reads, measure_memory() - before


def measure_memory() -> float:
    """Return the most memory that this process has had, in megabytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)


def main() -> None:
    rows, keys = int(sys.argv[1]), sys.argv[2]
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "jobs.csv"
        write(file, rows, keys)
        plans, reads, grown = asyncio.run(plan(file, Path(name), 3))
    ratio = statistics.median(own / base for own, base in zip(plans, reads))
    seconds = f"{statistics.median(plans):.2f} s of CPU, {ratio:.2f}x csv.DictReader"
    print(f"a plan of {rows:,} rows {keys} keys: {seconds} (limit {LIMIT:g}); memory grew by {grown:.1f} MB")


def report() -> List[str]:
    lines: List[str] = []
    for rows, keys in ((FEW, "with"), (ROWS, "with"), (ROWS, "without")):
        command = [sys.executable, "-m", "benchmarks.planning", str(rows), keys]
        lines += subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    return lines


if __name__ == "__main__":
    main()
