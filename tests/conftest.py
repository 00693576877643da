"""Fixtures for all tests: blocking calls in the loop fail, the machine's settings are hidden, a sandbox is ready."""

from __future__ import annotations

import gc
import logging
import signal
import sys
import uuid
from pathlib import Path
from typing import Any, AsyncIterator, Iterator

import pytest
from blockbuster import BlockBuster
from hypothesis import HealthCheck, settings

import bluma_async._session.transport  # noqa: F401 - imported in a loop, it could block: imports wait for those of other threads
from bluma_async import AsyncBluma
from bluma_async._session.evidence import registry
from bluma_async.sandbox import Sandbox
from bluma_async.sandbox.request_log import RequestRecord
from tests.postgres import PostgresServer, find_problem

# The same examples in each run, and no limit that a busy machine breaks.
settings.register_profile(
    "suite", deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
settings.load_profile("suite")

pytest_plugins = ["tests.watchdog"]
LONGEST_ID = 100
LOGGERS = ("bluma", "procrastinate", "psycopg", "psycopg.pool")  # those whose levels tests set

# A shell starts its background jobs with SIGINT ignored, and their children inherit that. Tests send it to programs.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name long values by their size: the id of a test is in the environment of the programs that it starts."""
    return f"{argname}-of-{len(val)}" if isinstance(val, (str, bytes)) and len(val) > LONGEST_ID else None


@pytest.fixture(autouse=True)
def no_blocking() -> Iterator[None]:
    """Fail a test in which the SDK blocks the event loop."""
    blocking = BlockBuster("bluma_async")
    if sys.version_info < (3, 9):  # its wrapper of SQLite loses errors there
        blocking.functions = {name: each for name, each in blocking.functions.items() if "sqlite" not in name}
    blocking.activate()
    yield
    blocking.deactivate()


@pytest.fixture(autouse=True)
def same_folder() -> Iterator[None]:
    """Fail a test that leaves the process in another folder: later tests would read other files."""
    before = Path.cwd()
    yield
    assert Path.cwd() == before


@pytest.fixture(autouse=True)
def collector_on() -> Iterator[None]:
    """Fail a test that leaves the garbage collector off: later tests would need gigabytes, and a collection minutes."""
    yield
    assert gc.isenabled()


@pytest.fixture(autouse=True)
def clean_environment(
    same_folder: None,  # its check comes after the patches are undone
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[None]:
    """Remove the machine's settings from the environment, and restore the loggers after the test."""
    locks = tmp_path_factory.getbasetemp() / "locks" / uuid.uuid4().hex  # an earlier test's client may still hold one
    monkeypatch.setenv("BLUMA_STATE_DIR", str(locks))
    for name in (
        "BLUMA_API_KEY",
        "BLUMA_BASE_URL",
        "BLUMA_WEBHOOK_SECRET",
        "BLUMA_LOG",
        "BLUMA_LOG_FORMAT",
        "HTTP_PROXY",
        "HTTPS_PROXY",
    ):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    loggers = [logging.getLogger(name) for name in LOGGERS]
    before = [(logger.level, list(logger.handlers)) for logger in loggers]
    yield
    for logger, (level, handlers) in zip(loggers, before):
        logger.setLevel(level)
        logger.handlers[:] = handlers


@pytest.fixture(autouse=True)
def fresh_evidence() -> None:
    """Forget the creates of earlier tests: the fakes share one account, and an exception can keep its client alive."""
    registry._by_account.clear()


KINDER = (
    "inclusive_dates: from_date includes its second, for the client's search",
    "extra_fields: reads of videos name the variant and the charge, lists the variant and the duration",
)


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers of the tests that need a kinder sandbox, and ignore what is left of loops on Python 3.8."""
    for marker in KINDER:
        config.addinivalue_line("markers", marker)
    if sys.version_info < (3, 9):  # pytest-asyncio makes a loop after each test there, and does not close it
        for left in ("event loop", r"<socket\.socket fd=\d+, family=AddressFamily\.AF_UNIX"):
            config.addinivalue_line("filterwarnings", f"ignore:unclosed {left}:ResourceWarning")


@pytest.fixture
async def sandbox(request: pytest.FixtureRequest) -> AsyncIterator[Sandbox]:
    """Give a sandbox with a manual clock, whose videos are small prepared clips."""
    settings = {
        name: True for name in (line.partition(":")[0] for line in KINDER) if request.node.get_closest_marker(name)
    }
    async with Sandbox(clock="manual", render=False, **settings) as running:
        yield running


@pytest.fixture
async def quick(sandbox: Sandbox) -> Sandbox:
    """Give a sandbox in which every video is finished when its create is answered."""

    async def finish(record: RequestRecord) -> None:
        if record.route == "POST /videos":
            await sandbox.advance(105)

    sandbox.watch(finish)
    return sandbox


@pytest.fixture
async def client(sandbox: Sandbox) -> AsyncIterator[AsyncBluma]:
    """Give a client for the sandbox, with a live key."""
    async with AsyncBluma(sandbox.live_key, base_url=sandbox.base_url, retry_delay=0.0, settle_time=0.0) as made:
        yield made


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """Give a PostgreSQL server; skip the test, with the reason, where there is none."""
    problem = find_problem()
    if problem:
        pytest.skip(problem)
    server = PostgresServer()
    try:
        server.create()
        yield server
    finally:
        server.close()


@pytest.fixture
def postgres(postgres_server: PostgresServer) -> Iterator[str]:
    """Give the URL of a database with the tables and nothing in them."""
    url = postgres_server.borrow()
    yield url
    postgres_server.give_back(url)


@pytest.fixture
def anything() -> Any:
    """Give an object that is equal to every other."""

    class Anything:
        def __eq__(self, _: object) -> bool:
            return True

        __hash__ = None  # type: ignore[assignment]  # an object that equals everything has no hash

    return Anything()
