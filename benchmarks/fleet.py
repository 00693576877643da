"""Many processes on one key: the costs of the store, and bills after everything that can happen to processes."""

from __future__ import annotations

from typing import List

from benchmarks import fleet_costs
from benchmarks.fleet_kills import Fleet, run_fleet
from tests.postgres import PostgresServer


def report() -> List[str]:
    lines = fleet_costs.report()
    server = PostgresServer()
    try:
        server.create()
        for is_exclusive in (True, False):
            stated = "with exclusive=True" if is_exclusive else "without evidence"
            outcome = run_fleet(Fleet(is_exclusive=is_exclusive), server, server.borrow())
            lines.append(f"2,000 jobs, 4 processes, {stated}: {outcome}")
    finally:
        server.close()
    return lines
