"""One suite for every engine: it may deliver late, twice or never, and each job is billed once."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any, Callable, Dict, Iterator

import pytest

from benchmarks.fleet_kills import Fleet, Run, Served, run_fleet
from benchmarks.fleet_programs import CELERY, WORK
from tests.postgres import PostgresServer
from tests.redis import RedisServer, find_problem

JOBS = 4
SMALL: Dict[str, Any] = {
    "jobs": JOBS, "timeout": 1.0, "settle": 0.5, "lease": 2.0, "limit": 50, "restarts": 0, "cuts": 0, "between": 0.3,
}  # fmt: skip
CALM: Dict[str, Any] = {**SMALL, "kills": 0, "freeze": 0}


@pytest.fixture(scope="module")
def redis_server() -> Iterator[RedisServer]:
    """Give a Redis server; skip the test, with the reason, where there is none."""
    problem = find_problem()
    if problem:
        pytest.skip(problem)
    server = RedisServer()
    server.start()
    yield server
    server.close()


@pytest.fixture(params=["procrastinate", "celery"])
def make_fleet(request: Any) -> Callable[..., Fleet]:
    """Give a function that returns a fleet on each engine."""
    if request.param == "procrastinate":
        return lambda **options: Fleet(program=WORK, **options)
    redis = request.getfixturevalue("redis_server")
    redis.flush()
    return lambda **options: Fleet(program=CELERY, environment={"BROKER": redis.url}, **options)


@pytest.fixture
def new_database(postgres_server: PostgresServer) -> Iterator[str]:
    """Give a database of its own: an engine adds its tables to it."""
    url = postgres_server.make_database()
    yield url
    postgres_server.drop(url)


@pytest.mark.timeout(60)  # processes start, and leases end in real time
def test_workers_finish_all_jobs(
    make_fleet: Callable[..., Fleet], postgres_server: PostgresServer, new_database: str
) -> None:
    """Each is billed and saved once, by one of two workers."""
    outcome = run_fleet(make_fleet(workers=2, **CALM), postgres_server, new_database)

    assert (outcome.bills, outcome.files, outcome.wrong, outcome.states) == (JOBS, JOBS, 0, {"saved": JOBS})


@pytest.mark.timeout(60)  # a process starts in real time
def test_a_worker_obeys_the_limit_of_the_process_that_submits(
    make_fleet: Callable[..., Fleet], postgres_server: PostgresServer, new_database: str, tmp_path: Path
) -> None:
    """It has no limit of its own: templates that are created at once spend no more than the limit together."""
    out = tmp_path / "out"
    with Served() as sandbox:
        run = Run(make_fleet(workers=1, **CALM), postgres_server, new_database, sandbox, str(out))
        run.submit(max_credits=3)
        run.start(0)
        try:
            while "No video is created for" not in Path(run.log.name).read_text() or "creating" in run.count():
                assert run.workers[0].poll() is None
        finally:
            run.end()
        billed = sandbox.state()["billed"]

    assert billed == 1


@pytest.mark.timeout(60)  # processes start, and leases end in real time
def test_killed_workers_cost_nothing(
    make_fleet: Callable[..., Fleet], postgres_server: PostgresServer, new_database: str
) -> None:
    """What they held is taken over, and what they had sent is searched for."""
    fleet = make_fleet(workers=2, **{**SMALL, "kills": 2, "freeze": 0})

    outcome = run_fleet(fleet, postgres_server, new_database)

    assert (outcome.bills, outcome.files, outcome.wrong, outcome.states) == (JOBS, JOBS, 0, {"saved": JOBS})


@pytest.mark.timeout(60)  # processes start, and leases end in real time
def test_a_broker_that_forgets_everything_loses_time_only(
    redis_server: RedisServer, postgres_server: PostgresServer, new_database: str
) -> None:
    """The sweep defers again what the store says is due."""
    forget = [redis_server.flush] * 2
    fleet = Fleet(program=CELERY, environment={"BROKER": redis_server.url}, incidents=forget, **CALM)
    fleet.workers = 1

    outcome = run_fleet(fleet, postgres_server, new_database)

    assert outcome.done == {}
    assert (outcome.bills, outcome.files, outcome.states) == (JOBS, JOBS, {"saved": JOBS})


@pytest.mark.timeout(60)  # a process starts in real time
def test_sigterm_ends_a_worker_gracefully(postgres_server: PostgresServer, new_database: str, tmp_path: Path) -> None:
    """Creates that run are finished, nothing is held any more, and the exit code is 0."""
    out = tmp_path / "out"
    out.mkdir()
    with Served() as sandbox:
        run = Run(Fleet(program=WORK, workers=1, **CALM), postgres_server, new_database, sandbox, str(out))
        run.submit()
        run.start(0)
        while not set(run.count()) & {"rendering", "rendered", "saved"}:
            assert run.workers[0].poll() is None
        run.workers[0].send_signal(signal.SIGTERM)

        code = run.workers[0].wait(30)
        run.end()
        counts = run.count()

    assert code == 0
    held = postgres_server.fetch(new_database, "SELECT count(*) FROM bluma_jobs WHERE holder IS NOT NULL")
    assert (held, counts.get("creating", 0)) == ([(0,)], 0)


@pytest.mark.timeout(60)  # processes start in real time
@pytest.mark.parametrize("pool", ["prefork", "threads"])
def test_sigterm_leaves_nothing_of_a_celery_worker(
    redis_server: RedisServer, postgres_server: PostgresServer, new_database: str, tmp_path: Path, pool: str
) -> None:
    """Each of its processes gives back its lease, and its requests of the budget: Celery's children run no atexit."""
    out = tmp_path / "out"
    out.mkdir()
    redis_server.flush()
    program = CELERY.replace('"worker", "-B"', f'"worker", "-P", "{pool}", "-B"')
    fleet = Fleet(program=program, environment={"BROKER": redis_server.url}, workers=1, **{**CALM, "lease": 600.0})
    with Served() as sandbox:
        run = Run(fleet, postgres_server, new_database, sandbox, str(out))
        run.submit()
        run.start(0)
        while not run.is_over():
            assert run.workers[0].poll() is None
        run.workers[0].send_signal(signal.SIGTERM)

        code = run.workers[0].wait(30)
        run.end()

    living = "SELECT name FROM bluma_workers WHERE ends_at > clock_timestamp()"
    left = [postgres_server.fetch(new_database, query) for query in (living, "SELECT epoch FROM bluma_grants")]
    assert (code, left) == (0, [[], []])
