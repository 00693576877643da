"""Databases that cannot be used: a clear error before anything is sent; and what a client releases."""

from __future__ import annotations

import asyncio
import gc
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bluma import Bluma
from bluma_async import AsyncBluma, AsyncLuma, errors
from bluma_async.sandbox import Sandbox
from tests.postgres import PostgresServer, find_free_port
from tests.sharing.conftest import CONTEXT, TEMPLATE, MakeClient

ROOT = Path(__file__).resolve().parents[2]
LEFT_OPEN = """
import asyncio, os
from bluma import AsyncBluma

client = AsyncBluma(shared={url!r})

async def main():
    await client.videos.list()
    pid = os.fork()
    if not pid:
        os._exit(0)
    os.waitpid(pid, 0)
    await client.videos.list()

asyncio.run(main())
asyncio.run(main())
"""

BLOCKING = """
import os, sys
from bluma import Bluma

client = Bluma(shared={url!r})
made = client.videos.create({{"prompt": "A bakery at dawn"}}, "ugc-text-overlay", key="task-1")
pid = os.fork()
again = client.videos.create({{"prompt": "A bakery at dawn"}}, "ugc-text-overlay", key="task-1")
assert again.id == made.id
try:
    client.videos.wait_for(made.id, timeout=0.2)
except TimeoutError:
    pass
if pid:
    assert os.waitpid(pid, 0)[1] == 0
"""


@pytest.mark.parametrize("url", ["sqlite:///x", "", 5, "http://host/name"])
def test_something_else_than_a_database_is_refused(url: Any) -> None:
    """When the client is made; the value is not repeated, because it may have a password."""
    with pytest.raises(errors.InvalidArgumentError, match="shared must be the URL"):
        AsyncBluma("bluma_test_key", shared=url)


def test_clients_of_luma_share_nothing() -> None:
    """They refuse the option; it is not ignored."""
    with pytest.raises(errors.InvalidArgumentError, match="Luma"):
        AsyncLuma("kie", "key", shared="postgresql://host/name")


async def refuse(sandbox: Sandbox, url: str) -> errors.BlumaError:
    """Return the error of a create and of a read; nothing was sent."""
    async with AsyncBluma(sandbox.live_key, base_url=sandbox.base_url, shared=url) as client:
        with pytest.raises(errors.BlumaError):
            await client.videos.list()
        with pytest.raises(errors.BlumaError) as raised:
            await client.videos.create(CONTEXT, TEMPLATE)
    assert sandbox.requests == []
    return raised.value


async def test_an_unreachable_database_is_an_error(sandbox: Sandbox, postgres: str) -> None:
    """It names the database, and not its password."""
    error = await refuse(sandbox, f"postgresql://me:secret-word@127.0.0.1:{find_free_port()}/app")

    assert "cannot be reached" in str(error)
    assert "secret-word" not in repr(error)


async def test_calls_at_once_share_the_attempt_to_join(sandbox: Sandbox, postgres_server: PostgresServer) -> None:
    """A database that answers nothing takes ten seconds, not ten for each of them."""
    attempts = 0

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal attempts
        attempts += 1
        await reader.read(1)
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    url = f"postgresql://127.0.0.1:{server.sockets[0].getsockname()[1]}/app?sslmode=disable"
    async with AsyncBluma(sandbox.live_key, base_url=sandbox.base_url, shared=url) as client:
        outcomes = await asyncio.gather(*(client.videos.list() for _ in range(20)), return_exceptions=True)
    server.close()

    assert {type(outcome) for outcome in outcomes} == {errors.BlumaError}
    assert attempts == 1


async def test_a_read_only_database_is_an_error(sandbox: Sandbox, postgres: str) -> None:
    """Intents could not be recorded in it."""
    assert "read-only" in str(await refuse(sandbox, f"{postgres}?options=-c%20default_transaction_read_only%3Don"))


async def test_tables_of_a_newer_version_are_an_error(
    sandbox: Sandbox, postgres: str, postgres_server: PostgresServer
) -> None:
    """They are not changed."""
    postgres_server.fetch(postgres, "UPDATE bluma_meta SET value = '99' WHERE name = 'schema' RETURNING 1")

    assert "newer version" in str(await refuse(sandbox, postgres))


async def test_a_missing_extra_is_an_error(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without psycopg, the error names the command that installs it."""
    monkeypatch.setitem(sys.modules, "psycopg", None)  # type: ignore[arg-type]  # what Python calls a missing module

    error = await refuse(sandbox, "postgresql://127.0.0.1/app")

    assert 'pip install "bluma[fleet]"' in str(error)


async def test_a_key_of_another_account_is_an_error(sandbox: Sandbox, make_client: MakeClient, postgres: str) -> None:
    """It cannot read the newest video of the database. Nothing is created with it."""
    await make_client().videos.create(CONTEXT, TEMPLATE)

    async with Sandbox(clock="manual", render=False) as elsewhere:
        async with AsyncBluma(elsewhere.live_key, base_url=elsewhere.base_url, shared=postgres) as stranger:
            with pytest.raises(errors.InvalidArgumentError, match="another account"):
                await stranger.videos.create(CONTEXT, TEMPLATE)
        assert elsewhere.state()["billed"] == 0


async def test_a_copy_with_another_key_is_checked_too(sandbox: Sandbox, make_client: MakeClient) -> None:
    """A key of the same account is fine, and one of another account is refused."""
    client = make_client()
    await client.videos.create(CONTEXT, TEMPLATE)

    await client.with_options(api_key=sandbox.test_key).videos.create(CONTEXT, TEMPLATE)
    async with Sandbox(clock="manual", render=False) as elsewhere:
        stranger = client.with_options(api_key=elsewhere.live_key, base_url=elsewhere.base_url)
        with pytest.raises(errors.InvalidArgumentError, match="another account"):
            await stranger.videos.create(CONTEXT, TEMPLATE)

        assert elsewhere.state()["billed"] == 0
    assert sandbox.state()["jobs"] == {"test": 1, "live": 1}


async def test_a_database_that_is_gone_stops_creates_only(
    sandbox: Sandbox, make_client: MakeClient, postgres_server: PostgresServer
) -> None:
    """Reads are sent without it; a create is not sent."""
    client = make_client()
    made = await client.videos.create(CONTEXT, TEMPLATE)
    participant = client._session.coordinator._membership.find()  # type: ignore[union-attr]  # it has one
    database = participant._member.database

    async def gone(*_: Any, **__: Any) -> Any:
        raise errors.BlumaError("The database is gone.")

    real, database.do = database.do, gone
    reads = await asyncio.gather(*(client.videos.get(made.id) for _ in range(20)))
    with pytest.raises(errors.BlumaError, match="gone"):
        await client.videos.create(CONTEXT, TEMPLATE)
    database.do = real

    assert {video.id for video in reads} == {made.id}
    assert sandbox.state()["billed"] == 1


async def test_closing_a_client_releases_everything(
    sandbox: Sandbox, make_client: MakeClient, postgres: str, postgres_server: PostgresServer
) -> None:
    """Copies share the connections; after `aclose` there is none, no task, and no lease."""
    client = make_client()
    await client.with_options(timeout=5).videos.create(CONTEXT, TEMPLATE)
    await client.videos.list()
    tasks = len(asyncio.all_tasks())
    assert count_connections(postgres, postgres_server) == 1

    await client.aclose()

    assert count_connections(postgres, postgres_server) == 0
    assert len(asyncio.all_tasks()) < tasks
    alive = "SELECT count(*) FROM bluma_workers WHERE ends_at > now()"
    assert postgres_server.fetch(postgres, alive) == [(0,)]
    with pytest.raises(errors.BlumaError, match="closed"):
        await client.videos.create(CONTEXT, TEMPLATE)


def count_connections(url: str, server: PostgresServer) -> int:
    """Return the number of connections to a database, besides the one that counts."""
    name = url.rpartition("/")[2]
    query = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()"
    return int(server.fetch(url, query, name)[0][0])


@pytest.mark.parametrize("program", [LEFT_OPEN, BLOCKING])
async def test_a_program_that_never_closes_its_client_ends_quietly(
    sandbox: Sandbox, postgres: str, program: str
) -> None:
    """Its loops end one after the other, and a fork in between leaves the parent's connections alone."""
    environment = {"PYTHONPATH": str(ROOT), "BLUMA_API_KEY": sandbox.live_key, "BLUMA_BASE_URL": sandbox.base_url}
    command = [sys.executable, "-W", "error", "-c", program.format(url=postgres)]

    done = await asyncio.to_thread(
        lambda: subprocess.run(
            command, env={**os.environ, **environment}, capture_output=True, text=True, timeout=15, check=False
        )
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert sandbox.state()["billed"] <= 1


async def test_a_pickled_client_shares_the_same_database(
    sandbox: Sandbox, make_client: MakeClient, postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It joins by itself; a URL with a password is not pickled."""
    monkeypatch.setenv("BLUMA_API_KEY", sandbox.live_key)
    client = make_client()
    made = await client.videos.create(CONTEXT, TEMPLATE, key="task-1")

    async with pickle.loads(pickle.dumps(client)) as arrived:
        assert (await arrived.videos.create(CONTEXT, TEMPLATE, key="task-1")).id == made.id
    for url in ("postgresql://me:secret-word@host/app", "postgresql://host/app?user=me&password=secret-word"):
        with pytest.raises(errors.BlumaError, match="password"):
            pickle.dumps(AsyncBluma("bluma_test_key", shared=url))


def test_a_blocking_client_shares_too(postgres: str) -> None:
    """A blocking client uses the database too: a second create with one key returns the first video."""
    from tests.live import Live

    with Live() as sandbox, Bluma(sandbox.live_key, sandbox.base_url, shared=postgres) as client:
        made = [client.videos.create(CONTEXT, TEMPLATE, key="task-1") for _ in range(2)]

        assert made[0].id == made[1].id
        assert sandbox.state()["billed"] == 1
    gc.collect()


async def test_a_deadline_holds_although_the_database_does_not_answer(sandbox: Sandbox, postgres: str) -> None:
    """For a create and for a read; nothing is sent."""

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    url = f"postgresql://127.0.0.1:{server.sockets[0].getsockname()[1]}/app?sslmode=disable"
    async with AsyncBluma(sandbox.live_key, base_url=sandbox.base_url, shared=url, deadline=0.2) as client:
        for call in (client.videos.create(CONTEXT, TEMPLATE), client.videos.list()):
            with pytest.raises(errors.RequestTimeoutError, match=r"deadline.*Nothing was sent") as raised:
                await call
            assert not raised.value.request_sent
    server.close()
    assert sandbox.requests == []


async def test_a_database_that_becomes_read_only_stops_creates(
    sandbox: Sandbox, make_client: MakeClient, postgres: str, postgres_server: PostgresServer
) -> None:
    """As a primary server that was replaced; the error says that nothing was sent."""
    client, name = make_client(), postgres.rpartition("/")[2]
    await client.videos.create(CONTEXT, TEMPLATE)
    end = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
    setting = f"ALTER DATABASE {name}"
    postgres_server.execute("postgres", f"{setting} SET default_transaction_read_only = on", end)

    with pytest.raises(errors.BlumaError, match=r"read-only.*Nothing was sent"):
        await client.videos.create(CONTEXT, TEMPLATE)

    postgres_server.execute("postgres", f"{setting} RESET default_transaction_read_only", end)
    assert sandbox.state()["billed"] == 1


async def test_an_endless_timeout_does_not_stop_the_template(sandbox: Sandbox, make_client: MakeClient) -> None:
    """A time that the database cannot represent would be an error of each later create."""
    await make_client(timeout=1e300).videos.create(CONTEXT, TEMPLATE)

    await make_client().videos.create(CONTEXT, TEMPLATE)

    assert sandbox.state()["billed"] == 2
