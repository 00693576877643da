"""The tables of an engine: `bluma batch migrate` creates them, for workers whose user may not."""

from __future__ import annotations

import asyncio
import sys
from typing import Iterator, Optional

import pytest

from bluma_async import errors
from bluma_async.fleet.procrastinate_engine import ProcrastinateEngine, migrate
from tests.cli.test_cli import run
from tests.postgres import PostgresServer

pytest.importorskip("procrastinate", reason="Procrastinate is not installed")
FOUND = "SELECT to_regclass('bluma_jobs') IS NOT NULL, to_regclass('procrastinate_jobs') IS NOT NULL"
GRANTS = (
    "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO guest",
    "GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO guest",
)


@pytest.fixture
def empty(postgres_server: PostgresServer) -> Iterator[str]:
    """Give the URL of a database without tables, in which a role `guest` may create none."""
    url = postgres_server.make_database(is_empty=True)
    postgres_server.execute(
        url.rpartition("/")[2], "CREATE ROLE guest LOGIN", "REVOKE CREATE ON SCHEMA public FROM PUBLIC"
    )
    yield url
    postgres_server.drop(url)
    postgres_server.execute("postgres", "DROP ROLE guest")


async def work(_: Optional[int]) -> None:
    """Do nothing: the task is only queued."""


async def test_a_worker_needs_no_right_to_create_tables(postgres_server: PostgresServer, empty: str) -> None:
    """Another user has created all of them with one command."""
    name = await migrate(empty)
    postgres_server.execute(empty.rpartition("/")[2], *GRANTS)
    engine = await ProcrastinateEngine.load(empty.replace("bluma@", "guest@"))
    engine.register("save", work)

    async with engine.opened():
        await engine.defer("save", 1)
        await engine.defer("save", 1)

    assert name == empty.replace("bluma@", "")
    assert postgres_server.fetch(empty, "SELECT count(*) FROM procrastinate_jobs") == [(1,)]


async def test_an_engine_that_may_not_create_its_tables_says_so(postgres_server: PostgresServer, empty: str) -> None:
    """It names the command that another user can run; no exception of psycopg or Procrastinate escapes."""
    engine = await ProcrastinateEngine.load(empty.replace("bluma@", "guest@"))

    with pytest.raises(errors.BlumaError, match=r"permission denied.*Run `bluma batch migrate` as a user who may"):
        async with engine.opened():
            pass


async def test_a_worker_that_may_not_use_the_tables_says_so(postgres_server: PostgresServer, empty: str) -> None:
    """They are there, but nothing was granted to its user."""
    await migrate(empty)
    engine = await ProcrastinateEngine.load(empty.replace("bluma@", "guest@"))

    with pytest.raises(errors.BlumaError, match="permission denied"):
        async with engine.opened():
            await engine.run(1)


def test_the_command_creates_all_tables(
    postgres_server: PostgresServer, empty: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Those of bluma, and those of the engine; a second time, nothing is left to do."""
    codes = [run(["batch", "migrate", empty]) for _ in range(2)]

    assert (codes, postgres_server.fetch(empty, FOUND)) == ([0, 0], [(True, True)])
    assert capsys.readouterr().out.count("are up to date") == 2


async def test_an_engine_that_is_not_installed_has_no_tables(
    postgres_server: PostgresServer, empty: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Workers of Celery do not need them."""
    monkeypatch.setitem(sys.modules, "procrastinate", None)

    await migrate(empty)

    assert postgres_server.fetch(empty, FOUND) == [(True, False)]


async def test_a_periodic_task_that_fails_again_is_logged_once(empty: str, caplog: pytest.LogCaptureFixture) -> None:
    """It goes on; after a success, the next failure is logged again."""
    engine = await ProcrastinateEngine.load(empty)
    rounds, is_over = iter([True, True, False, True, True]), asyncio.Event()

    async def poll(_: Optional[int]) -> None:
        fails = next(rounds, None)
        if fails is None:
            is_over.set()
        if fails is not False:
            raise errors.BlumaError("The database is gone.")

    engine.register("poll", poll)
    engine.periodic("poll", 0.001)
    async with engine.opened():
        running = asyncio.ensure_future(engine.run(1))
        await is_over.wait()
        running.cancel()
        await asyncio.wait([running])

    logged = [record.getMessage() for record in caplog.records if record.name == "bluma"]
    assert logged == ["The periodic task poll failed: The database is gone."] * 2
