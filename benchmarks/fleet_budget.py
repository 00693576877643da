"""500 jobs of several processes under 1,000 requests in a window of 60 s: answers of 429, and requests in all."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path
from typing import Dict, List

from benchmarks.fleet_kills import Fleet, Run, Served
from benchmarks.fleet_programs import WORK
from bluma_async.sandbox import keys
from tests.postgres import PostgresServer

WINDOW = 60.0  # seconds; the sandbox's clock is real
LIMIT = 1000


def measure(server: PostgresServer, workers: int, jobs: int) -> Dict[str, float]:
    """Run the jobs, and return the counts."""
    keys.HOUR = WINDOW
    calm = Fleet(
        program=WORK, jobs=jobs, workers=workers, kills=0, freeze=0, restarts=0, cuts=0, limit=900, settle=30.0
    )
    calm.timeout, calm.lease, calm.at_once = 30.0, 30.0, 4
    with Served(speed=1, rate_limit=LIMIT) as sandbox, tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "out")
        out.mkdir()
        outcome = Run(calm, server, server.make_database(), sandbox, str(out)).go()
        statuses = Counter(record.status for record in sandbox.requests)
    served = sum(number for status, number in statuses.items() if status is not None)
    return {
        "requests": served,
        "429": statuses[429],
        "files": outcome.files,
        "bills": outcome.bills,
        "s": outcome.seconds,
    }


def report(jobs: int = 500) -> List[str]:
    server = PostgresServer()
    try:
        server.create()
        one, eight = (measure(server, workers, jobs) for workers in (1, 8))
    finally:
        server.close()
    ratio = eight["requests"] / one["requests"]
    return [
        f"1 process: {one}",
        f"8 processes: {eight}",
        f"requests of 8 processes against one: {ratio:.2f} (goal 1.2)",
    ]


if __name__ == "__main__":
    print("\n".join(report()))
