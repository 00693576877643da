"""
Run the library for a long time in one process, under faults, and fail if what the process holds has grown.

    python -m tests.soak                200,000 calls, 5,000 waits, 2,000 saves and 2,000 webhooks: about ten minutes
    python -m tests.soak --scale 0.1    a tenth of that

After each tenth, it prints the resident memory, the descriptors, the threads and the tasks. The sandbox runs in another
process. Resident memory may grow by 2 MiB after the first tenth; descriptors by the connections of a pool.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, List, Tuple

from tests.soak.samples import HEAD, Sample, find_growth, sample
from tests.soak.work import Work

WHOLE = (200_000, 5_000, 2_000, 2_000)  # calls, waits, saves, webhooks
PARTS = 10


@contextmanager
def serving() -> Iterator[Tuple[str, str]]:
    """Run the sandbox in another process; yield its base URL and its key."""
    command = [sys.executable, "-m", "tests.soak.server"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        base_url, key = child.stdout.readline().split()
        try:
            yield base_url, key
        finally:
            child.stdin.close()


async def run(base_url: str, key: str, scale: float, folder: Path) -> List[Sample]:
    """Do the work in ten parts, and print what the process holds after each; return that."""
    amounts = [max(round(amount * scale / PARTS), 1) for amount in WHOLE]
    samples: List[Sample] = []
    began = time.monotonic()
    print(HEAD)
    async with Work(base_url, key, folder) as work:
        for part in range(1, PARTS + 1):
            await work.run(*amounts)
            await asyncio.sleep(0.02)  # closed connections and ended tasks are removed
            samples.append(sample(time.monotonic() - began))
            print(f"{part:>8}/{PARTS}"[-10:] + str(samples[-1]), flush=True)
        print(", ".join(f"{name}: {count}" for name, count in sorted(work.outcomes.items())))
    return samples


def main() -> int:
    """Run, and return the exit code: 1 if something has grown."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak")
    parser.add_argument("--scale", type=float, default=1.0, help="the share of the whole work; default 1")
    parser.add_argument("--no-limit", action="store_true", help="print, but do not fail: for runs that are too short")
    options = parser.parse_args()
    with serving() as (base_url, key), tempfile.TemporaryDirectory() as folder:
        samples = asyncio.run(run(base_url, key, options.scale, Path(folder)))
    found = find_growth(samples)
    print("grown: " + ", ".join(found) if found else "nothing has grown")
    return int(bool(found) and not options.no_limit)


if __name__ == "__main__":
    sys.exit(main())
