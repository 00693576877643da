"""Many processes on one key: the costs of the store, and bills after everything that can happen to processes."""

from __future__ import annotations

from typing import List

from benchmarks import fleet_costs
from benchmarks.fleet_kills import CELERY, WORK, Fleet, run_fleet
from tests.postgres import PostgresServer
from tests.redis import RedisServer


def report() -> List[str]:
    """Return the costs of the store, and the counts of bills and files after each run."""
    lines = fleet_costs.report()
    server, broker = PostgresServer(), RedisServer()
    celery = {"program": CELERY, "environment": {"BROKER": broker.url}, "incidents": [broker.flush]}
    fleets = {
        "batches, with exclusive=True": Fleet(),
        "batches, without evidence": Fleet(is_exclusive=False),
        "Procrastinate, with exclusive=True": Fleet(program=WORK),
        "Celery on Redis, with exclusive=True and one FLUSHALL": Fleet(**celery),  # type: ignore[arg-type]  # of several types
        "Celery on Redis, without evidence, and one FLUSHALL": Fleet(is_exclusive=False, **celery),  # type: ignore[arg-type]  # of several types
    }
    try:
        server.create()
        broker.start()
        for name, fleet in fleets.items():
            lines.append(f"2,000 jobs, 4 processes, {name}: {run_fleet(fleet, server, server.make_database())}")
            print(lines[-1], flush=True)
    finally:
        broker.close()
        server.close()
    return lines
