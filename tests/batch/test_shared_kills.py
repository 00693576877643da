"""A small fleet in processes of its own: killed, frozen and cut off, it bills each job once."""

from __future__ import annotations

import pytest

from benchmarks.fleet_kills import Fleet, run_fleet
from tests.postgres import PostgresServer

JOBS = 6
SMALL = {"jobs": JOBS, "workers": 2, "kills": 2, "freeze": 3.0, "at_once": 6, "timeout": 1.0, "settle": 0.5}


@pytest.mark.timeout(60)  # processes start, and leases end in real time
@pytest.mark.parametrize("is_exclusive", [True, False])
def test_a_fleet_bills_each_job_once(postgres_server: PostgresServer, is_exclusive: bool) -> None:
    """With the statement that nobody else uses the key, every file is there; without it, the others are in doubt."""
    url = postgres_server.make_database()
    fleet = Fleet(**SMALL, restarts=0, lease=2.0, between=0.3, limit=50, is_exclusive=is_exclusive)  # type: ignore[arg-type]  # of several types

    outcome = run_fleet(fleet, postgres_server, url)

    assert (outcome.twice, outcome.wrong) == (0, 0), outcome
    in_doubt = outcome.states.get("in_doubt", 0)
    assert outcome.states == {"saved": JOBS - in_doubt, **({"in_doubt": in_doubt} if in_doubt else {})}, outcome
    assert outcome.files == JOBS - in_doubt
    assert in_doubt == 0 or not is_exclusive
    postgres_server.drop(url)
