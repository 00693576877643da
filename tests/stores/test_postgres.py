"""PostgreSQL as a store: what is refused before anything is created, what no message shows, and lost connections."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from bluma_async import errors
from bluma_async.stores.jobs import Job
from bluma_async.stores.postgres.database import Database, migrate_database
from bluma_async.stores.postgres.failures import ReplacedTablesError
from bluma_async.stores.postgres.jobs import PostgresJobStore
from bluma_async.stores.postgres.member import Member
from bluma_async.stores.postgres.urls import mask_secrets, mask_url
from bluma_async.stores.states import JobState
from tests.fakes import START
from tests.postgres import PostgresServer, find_free_port
from tests.stores.steps import bring_to, require_job


def job(key: str, template: str = "t") -> Job:
    """Return a job."""
    return Job(key, f'{{"n":"{key}"}}', template, None, f"row {key}")


async def refused(url: str, *, to_write: bool = True) -> errors.BlumaError:
    """Return the error of a store that cannot be opened."""
    with pytest.raises(errors.BlumaError) as raised:
        await PostgresJobStore.open(url, to_write=to_write)
    return raised.value


async def test_an_unreachable_database_is_refused(postgres_server: PostgresServer) -> None:
    """The message names the database, and not its password."""
    error = await refused(f"postgresql://me:secret-word@127.0.0.1:{find_free_port()}/app")

    assert "cannot be reached" in str(error)
    assert "?" not in str(error)  # the driver's library asks whether the server is running
    assert str(error).endswith("Connection refused. Nothing was sent.")
    assert "/app" in str(error)
    assert "secret-word" not in repr(error)
    assert error.__cause__ is None


async def test_an_invalid_url_is_refused(postgres_server: PostgresServer) -> None:
    """The message does not repeat it, because it may have a password."""
    error = await refused("postgresql://me:secret-word@host:port/app?nonsense=1")

    assert isinstance(error, errors.InvalidArgumentError)
    assert "secret-word" not in str(error)


async def test_a_read_only_database_is_refused(postgres: str, postgres_server: PostgresServer) -> None:
    """A read-only database is refused before the first job is planned."""
    error = await refused(f"{postgres}?options=-c%20default_transaction_read_only%3Don")

    assert "read-only" in str(error)


async def test_tables_of_a_newer_version_are_refused(postgres: str, postgres_server: PostgresServer) -> None:
    """By writers and by readers."""
    postgres_server.fetch(postgres, "UPDATE bluma_meta SET value = '99' WHERE name = 'schema' RETURNING 1")

    for to_write in (True, False):
        error = await refused(postgres, to_write=to_write)
        assert isinstance(error, errors.InvalidArgumentError)
        assert "newer version" in str(error)


async def test_an_empty_database_is_prepared_by_a_writer_only(postgres_server: PostgresServer) -> None:
    """A reader says which command creates the tables; several writers at once create them once."""
    url = postgres_server.make_database(is_empty=True)
    error = await refused(url, to_write=False)

    stores = await asyncio.gather(*(PostgresJobStore.open(url, to_write=True) for _ in range(4)))

    assert "bluma batch migrate" in str(error)
    assert len({store.sharing.epoch for store in stores if store.sharing}) == 4
    for store in stores:
        await store.close()
    postgres_server.drop(url)


async def test_a_user_without_the_right_to_create_tables_is_told_so(postgres_server: PostgresServer) -> None:
    """The message names the command that another user can run."""
    url = postgres_server.make_database(is_empty=True)
    name = url.rpartition("/")[2]
    postgres_server.execute(name, "CREATE ROLE guest LOGIN", "REVOKE CREATE ON SCHEMA public FROM PUBLIC")

    error = await refused(postgres_server.url(name, "guest"))

    assert "bluma batch migrate" in str(error)
    postgres_server.drop(url)
    postgres_server.execute("postgres", "DROP ROLE guest")


async def test_a_user_who_may_only_read_is_refused_at_the_opening(postgres_server: PostgresServer) -> None:
    """Before anything is sent, and with the rights that are missing; reading alone needs less."""
    url = postgres_server.make_database()
    name = url.rpartition("/")[2]
    guest = postgres_server.url(name, "guest")
    postgres_server.execute(name, "CREATE ROLE guest LOGIN", "GRANT SELECT ON ALL TABLES IN SCHEMA public TO guest")

    reading = await PostgresJobStore.open(guest, to_write=False)
    await reading.close()
    error = await refused(guest)
    postgres_server.execute(name, "GRANT INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO guest")
    sequences = await refused(guest)
    postgres_server.drop(url)
    postgres_server.execute("postgres", "DROP ROLE guest")

    assert "bluma_states" in str(error)
    assert str(error).endswith(
        "It needs SELECT, INSERT, UPDATE and DELETE on the tables, and USAGE on the sequences. Nothing was sent."
    )
    assert "bluma_jobs_place_seq" in str(sequences)
    assert "bluma_states" not in str(sequences)


@pytest.mark.parametrize("url", ["", "dbname=app", "host=localhost"])
async def test_a_database_is_named_by_a_url(postgres_server: PostgresServer, url: str) -> None:
    """Else libpq would take the host and the name of the environment, and create tables in a database nobody named."""
    with pytest.raises(errors.InvalidArgumentError, match="must be like postgresql://"):
        await migrate_database(url)


@pytest.mark.parametrize(
    ("url", "masked"),
    [
        ("postgresql://me:word@host/app", "postgresql://me:***@host/app"),
        ("postgresql://me@host/app", "postgresql://me@host/app"),
        ("postgresql://host/app", "postgresql://host/app"),
        ("postgres://me:w:o@rd@host/app", "postgres://me:***@host/app"),
        ("postgresql://me:wo/rd@host/app", "postgresql://me:***@host/app"),
        ("postgresql://host/app?user=me&password=wo@rd", "postgresql://host/app?user=me&password=***"),
        ("postgresql://me@host/app?pass%77ord=wo%40rd&port=1", "postgresql://me@host/app?pass%77ord=***&port=1"),
        ("postgresql://me:word@host/app?sslpassword=word", "postgresql://me:***@host/app?sslpassword=***"),
        ("postgresql://me:w?rd@host?password=word", "postgresql://me:***@host?password=***"),
        ("postgresql:///app?passfile=/home/me/.pgpass", "postgresql:///app?passfile=/home/me/.pgpass"),
        ("videos/a?password=word", "videos/a?password=word"),
    ],
)
def test_a_url_is_masked(url: str, masked: str) -> None:
    """Whatever the password has in it, and wherever it is; a file of passwords is no secret."""
    assert mask_url(url) == masked


async def test_a_password_among_the_parameters_is_in_no_message(postgres_server: PostgresServer) -> None:
    """A server can repeat it, as the name of an unknown role."""
    error = await refused(f"{postgres_server.url('postgres', 'secret-word')}?password=secret-word")

    assert "***" in str(error)
    assert "secret-word" not in str(error)
    assert mask_secrets("a certificate-word", "postgresql://h/d?sslpassword=certificate-word") == "a ***"


async def test_an_invalid_host_name_is_refused(postgres_server: PostgresServer) -> None:
    """Python cannot encode it for the resolver."""
    error = await refused("postgresql://me@a..b/app")

    assert "The database postgresql://a..b/app cannot be reached: " in str(error)


async def test_a_database_that_refuses_a_statement_was_reached(postgres: str, postgres_server: PostgresServer) -> None:
    """Its error is not that of a connection."""
    error = await refused(f"{postgres}?options=-c%20search_path%3Dnix")

    assert "was reached, but refused a statement: no schema has been selected" in str(error)


async def test_a_store_survives_a_restart_of_its_server(
    postgres_server: PostgresServer, postgres: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A verb waits for the server, and is applied once. Psycopg logs nothing about it in any program."""
    store = await PostgresJobStore.open(postgres, to_write=True)
    planned = await bring_to(store, job("k"), JobState.CREATING)

    await asyncio.to_thread(postgres_server.stop)
    billing = asyncio.ensure_future(store.bill(planned.place, "video-1", 2, request_key=None))
    await asyncio.to_thread(postgres_server.start)

    assert require_job(await billing).state == JobState.RENDERING
    assert (await store.statistics()).credits_charged == 2
    assert [record for record in caplog.records if record.name == "psycopg.pool"] == []
    await store.close()


async def test_the_pools_of_the_application_log_as_ever(postgres: str, caplog: pytest.LogCaptureFixture) -> None:
    """One pool cannot connect; a connection of the other is closed by its user. Both use the logger of our pools."""
    import psycopg_pool

    await (await Database.open(postgres, to_write=False)).close()
    nowhere = f"postgresql://127.0.0.1:{find_free_port()}/none"

    async with psycopg_pool.AsyncConnectionPool(nowhere, min_size=0, max_size=1, open=False) as pool:
        with pytest.raises(psycopg_pool.PoolTimeout):
            await pool.getconn(timeout=0.1)
    async with psycopg_pool.AsyncConnectionPool(
        postgres, min_size=0, max_size=1, open=False
    ) as pool, pool.connection() as db:
        await db.close()

    logged = [record.getMessage() for record in caplog.records if record.name == "psycopg.pool"]
    assert [line.partition(" '")[0].partition(":")[0] for line in logged] == [
        "error connecting in", "discarding closed connection",
    ]  # fmt: skip


async def test_a_verb_that_was_committed_before_the_connection_broke_is_not_a_conflict(postgres: str) -> None:
    """A verb that is repeated after a lost connection finds its own work, and returns the job."""
    store = await PostgresJobStore.open(postgres, to_write=True)
    planned = await bring_to(store, job("k"), JobState.CREATING)
    real, breaks = store._database.do, [True]

    async def lose_once(action: Any, **options: Any) -> Any:
        outcome = await real(action, **options)
        return await real(lambda db, _: action(db, True), **options) if breaks.pop() else outcome

    store._database.do = lose_once  # type: ignore[method-assign]
    outcome = await store.bill(planned.place, "video-1", 2, request_key=None)
    store._database.do = real  # type: ignore[method-assign]

    assert require_job(outcome).video_id == "video-1"
    assert (await store.statistics()).credits_charged == 2
    await store.close()


async def test_a_cancelled_verb_happens_wholly(postgres: str) -> None:
    """A bill is recorded although its caller is cancelled."""
    store = await PostgresJobStore.open(postgres, to_write=True)
    planned = await bring_to(store, job("k"), JobState.CREATING)

    billing = asyncio.ensure_future(store.bill(planned.place, "video-1", 2, request_key=None))
    await asyncio.sleep(0)
    billing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await billing

    assert require_job(await store.find("k")).state == JobState.RENDERING
    await store.close()


async def test_a_database_repeats_nothing_that_cannot_be_repeated(postgres: str) -> None:
    """An error of a statement is raised as the SDK's own."""
    database = await Database.open(postgres, to_write=True)

    async def work(db: Any, _: bool) -> None:
        await db.execute("SELECT nonsense")

    with pytest.raises(errors.BlumaError, match="could not be used"):
        await database.do(work)
    await database.close()


async def test_a_reused_video_counts_once_against_the_limit(postgres: str, postgres_server: PostgresServer) -> None:
    """Neither its charge nor its refund is counted for the job that reuses it."""
    store = await PostgresJobStore.open(postgres, to_write=True)
    own = await bring_to(store, job("a"), JobState.RENDERING)
    for key in "bc":
        reusing = require_job(await store.plan(job(key)))
        await store.reuse(reusing.place, own.video_id or "")
        reused = require_job(await store.read(reusing.place))
        assert (reused.charged, reused.is_reused) == (0, True)

    await store.mark_rendered(2, 9, None)
    await store.refund(3, "its render failed")
    status = await store.statistics()
    spent = postgres_server.fetch(postgres, "SELECT sum(spent)::int FROM bluma_accounts")
    await store.refund(own.place, "its render failed")
    refunded = postgres_server.fetch(postgres, "SELECT sum(spent)::int FROM bluma_accounts")
    await store.close()

    assert (status.credits_charged, status.credits_net, spent, refunded) == (2, 2, [(2,)], [(0,)])


async def test_a_relative_folder_of_an_earlier_version_becomes_absolute(
    postgres: str, postgres_server: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first process decides where it is; after that, the name in another working directory is refused."""
    postgres_server.fetch(postgres, "INSERT INTO bluma_meta VALUES ('out', 'videos') RETURNING 1")
    folder = tmp_path / "work" / "videos"
    folder.mkdir(parents=True)
    store = await PostgresJobStore.open(postgres, to_write=True)

    monkeypatch.chdir(tmp_path / "work")
    await store.agree(None, "videos")
    monkeypatch.chdir(tmp_path)
    await store.agree(None, str(folder))
    with pytest.raises(errors.InvalidArgumentError, match="need one folder"):
        await store.agree(None, "videos")

    await store.close()
    assert postgres_server.fetch(postgres, "SELECT value FROM bluma_meta WHERE name = 'out'") == [(str(folder),)]


async def test_two_processes_that_begin_at_once_get_one_folder(postgres: str) -> None:
    """One of two folders is agreed on, and the other one is refused."""
    stores = [await PostgresJobStore.open(postgres, to_write=True) for _ in range(2)]

    outcomes = await asyncio.gather(
        *(store.agree(None, name) for store, name in zip(stores, ("a", "b"))), return_exceptions=True
    )

    for store in stores:
        await store.close()
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["InvalidArgumentError", "NoneType"]


class FlakyDatabase:
    """A database that is lost, comes back, and is lost again."""

    name = "postgresql://host/app"

    def __init__(self, *outcomes: bool) -> None:
        self._outcomes = list(outcomes)
        self.is_over = asyncio.Event()

    async def do(self, *_: Any, **__: Any) -> None:
        """Do nothing, or fail."""
        if not self._outcomes:
            self.is_over.set()
        elif not self._outcomes.pop(0):
            raise errors.BlumaError("It is gone.")

    async def close(self) -> None:
        """Do nothing."""


async def test_a_database_that_is_gone_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    """And once more when it is back."""
    database: Any = FlakyDatabase(True, False, False, True, True, False)

    member = Member(database, 1, START, "host:1", lease=0.006)
    await database.is_over.wait()
    await asyncio.sleep(0)
    await member.leave()

    lost = "The lease of this process could not be renewed: It is gone."
    back = "The lease of this process is renewed: postgresql://host/app can be used again."
    assert [record.getMessage() for record in caplog.records] == [lost, back, lost, back]


async def test_a_process_that_was_forgotten_is_listed_again(postgres: str, postgres_server: PostgresServer) -> None:
    """It was cut off for more than a day: its jobs must be freed when it dies, as those of every process."""
    member = await Member.join(postgres)
    query = "SELECT epoch, name, ends_at > clock_timestamp() FROM bluma_workers"
    before = postgres_server.fetch(postgres, query)
    postgres_server.fetch(postgres, "DELETE FROM bluma_workers RETURNING 1")

    await member.renew()

    assert postgres_server.fetch(postgres, query) == before
    await member.leave()


NEW_TABLES = "DROP SCHEMA public CASCADE; CREATE SCHEMA public"


async def restore(server: PostgresServer, url: str) -> None:
    """Drop the tables of a database, and create them again with the journal's id, as a dump does."""
    [(journal,)] = server.fetch(url, "SELECT value FROM bluma_meta WHERE name = 'journal'")
    server.execute(url.rpartition("/")[2], NEW_TABLES)
    await migrate_database(url)
    server.fetch(url, "UPDATE bluma_meta SET value = %s WHERE name = 'journal' RETURNING 1", journal)


async def test_a_process_does_nothing_in_tables_that_were_made_anew(
    postgres_server: PostgresServer, caplog: pytest.LogCaptureFixture
) -> None:
    """They may belong to another account and folder, which are required as a process opens its journal."""
    url = postgres_server.make_database()
    store = await PostgresJobStore.open(url, to_write=True, lease=0.03)
    reader = await PostgresJobStore.open(url, to_write=False)
    await restore(postgres_server, url)

    assert store.sharing is not None
    for work in (store.sharing.claim(["planned"], [], []), store.sharing.touch("q"), store.sharing.free()):
        with pytest.raises(ReplacedTablesError, match=r"were made anew, or restored.*sends no create. Start it again"):
            await work
    with pytest.raises(ReplacedTablesError):
        await reader.read(1)
    while "ERROR" not in [record.levelname for record in caplog.records]:  # of the lease, which is not renewed any more
        await asyncio.sleep(0.001)
    await store.close()
    await reader.close()

    assert postgres_server.fetch(url, "SELECT count(*) FROM bluma_workers") == [(0,)]
    assert "were made anew, or restored" in caplog.records[-1].getMessage()
    postgres_server.drop(url)


async def test_a_journal_has_an_id_of_its_own(postgres: str, postgres_server: PostgresServer) -> None:
    """Two journals differ although the object ids of their tables are the same, as in two copies of one server."""
    database = await Database.open(postgres, to_write=True)
    postgres_server.fetch(postgres, "UPDATE bluma_meta SET value = 'another' WHERE name = 'journal' RETURNING 1")

    with pytest.raises(ReplacedTablesError):
        await database.do(do_nothing)

    await database.close()


async def do_nothing(_: Any, __: bool) -> None:
    """Do nothing in a transaction."""


async def test_a_restored_sequence_gives_no_epoch_that_exists(postgres: str, postgres_server: PostgresServer) -> None:
    """The rows of a backup can be older or newer than its sequence: a process takes the next number that is free."""
    first = await Member.join(postgres)
    postgres_server.fetch(postgres, "SELECT setval('bluma_workers_epoch_seq', 1, false)")

    second = await Member.join(postgres)

    assert (first.epoch, second.epoch) == (1, 2)
    await first.leave()
    await second.leave()


async def test_a_process_whose_epoch_was_given_to_another_one_stops(
    postgres: str, postgres_server: PostgresServer
) -> None:
    """Its row is gone with the rows of a restored backup. It must not take the creates of the other one for its own."""
    first = await Member.join(postgres)
    postgres_server.fetch(postgres, "DELETE FROM bluma_workers RETURNING 1")
    postgres_server.fetch(postgres, "SELECT setval('bluma_workers_epoch_seq', 1, false)")
    second = await Member.join(postgres)

    with pytest.raises(ReplacedTablesError):
        await first.renew()
    with pytest.raises(ReplacedTablesError):
        await first.database.do(do_nothing)

    assert first.epoch == second.epoch == 1
    await second.renew()
    await first.leave()
    await second.leave()
