"""Processes of plain clients that share a database: killed and frozen, they create one video for each key."""

from __future__ import annotations

import pytest

from benchmarks.fleet_clients import ClientsRun, make_clients_fleet
from benchmarks.fleet_kills import run_fleet
from tests.postgres import PostgresServer

KEYS = 6
SMALL = {"workers": 2, "kills": 3, "freeze": 3.0, "restarts": 0, "cuts": 0, "at_once": 6, "timeout": 1.0, "settle": 0.5}


@pytest.mark.timeout(60)  # processes start, and leases end in real time
def test_a_key_has_one_video_whatever_happens_to_the_processes_that_create_it(postgres_server: PostgresServer) -> None:
    """Each process creates all keys at the same time as the other one, and again after it was killed."""
    url = postgres_server.make_database()
    fleet = make_clients_fleet(jobs=KEYS, **SMALL, lease=2.0, between=0.3, limit=50.0)

    outcome = run_fleet(fleet, postgres_server, url, ClientsRun)

    assert (outcome.bills, outcome.twice, outcome.wrong) == (KEYS, 0, 0), outcome
    assert outcome.states == {"done": KEYS, "in_doubt": 0}, outcome
    postgres_server.drop(url)
