"""PostgreSQL as a store: what is refused before anything is created, what no message shows, and lost connections."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from bluma_async import errors
from bluma_async.stores.jobs import Conflict, ConflictKind, Intent, Job
from bluma_async.stores.postgres_database import Database, mask_url
from bluma_async.stores.postgres_jobs import PostgresJobStore
from bluma_async.stores.states import JobState
from tests.postgres import PostgresServer, find_free_port
from tests.stores.steps import BEGAN, INTENT, bring_to, require_job


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
    assert "/app" in str(error)
    assert "secret-word" not in repr(error)
    assert error.__cause__ is None


async def test_an_invalid_url_is_refused(postgres_server: PostgresServer) -> None:
    """The message does not repeat it, because it may have a password."""
    error = await refused("postgresql://me:secret-word@host:port/app?nonsense=1")

    assert isinstance(error, errors.InvalidArgumentError)
    assert "secret-word" not in str(error)


async def test_a_read_only_database_is_refused(postgres: str, postgres_server: PostgresServer) -> None:
    """Before the first job is planned."""
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


@pytest.mark.parametrize(
    ("url", "masked"),
    [
        ("postgresql://me:word@host/app", "postgresql://me:***@host/app"),
        ("postgresql://me@host/app", "postgresql://me@host/app"),
        ("postgresql://host/app", "postgresql://host/app"),
        ("postgres://me:w:o@rd@host/app", "postgres://me:***@host/app"),
    ],
)
def test_a_url_is_masked(url: str, masked: str) -> None:
    """Whatever the password has in it."""
    assert mask_url(url) == masked


async def test_another_process_cannot_move_a_held_job(postgres: str) -> None:
    """Its verb is a conflict, and the video that it has paid is recorded as a stray."""
    frozen, other = [await PostgresJobStore.open(postgres, to_write=True) for _ in range(2)]
    planned = require_job(await frozen.plan(job("k")))
    intent = Intent("mine", BEGAN, frozen.sharing.epoch if frozen.sharing else 0, 2, 0.0)
    await frozen.intend(planned.place, intent)
    await expire(frozen)
    assert other.sharing is not None
    assert frozen.sharing is not None
    claimed = await other.sharing.claim([], [])

    outcome = await frozen.bill(planned.place, "video-1", 2)

    assert claimed is not None
    assert (claimed.key, claimed.epoch) == ("k", other.sharing.epoch)
    assert outcome == Conflict(ConflictKind.NOT_MINE, outcome.verb, "k", JobState.CREATING)  # type: ignore[union-attr]
    assert not await frozen.sharing.touch("mine")
    assert await other.sharing.find_stray("mine") == "video-1"
    assert (await other.sharing.explain(["video-1", "video-2"])).known == ("video-1",)
    assert await other.sharing.list_strays() == ["video-1"]
    for store in (frozen, other):
        await store.close()


async def expire(store: PostgresJobStore) -> None:
    """Let the lease of a process end, as if it were frozen."""
    assert store.member is not None
    store.member._task.cancel()

    async def work(db: Any, _: bool) -> None:
        await db.execute(
            f"UPDATE bluma_workers SET ends_at = now() - interval '1 s' WHERE epoch = {store._writer.epoch}"
        )

    await store._database.do(work)


async def test_an_open_create_is_claimed_by_age_alone(postgres: str) -> None:
    """A dead process's create waits for `settles_after`; that of a living one is never claimed, however old it is."""
    first, other = [await PostgresJobStore.open(postgres, to_write=True) for _ in range(2)]
    assert first.sharing is not None
    assert other.sharing is not None
    for key, age in (("old", 0.0), ("young", 60.0)):
        planned = require_job(await first.plan(job(key, template=key)))
        await first.intend(planned.place, Intent(key, BEGAN, first.sharing.epoch, 2, age))
    assert await other.sharing.claim([], []) is None

    await expire(first)

    claimed = await other.sharing.claim([], [])
    assert claimed is not None
    assert claimed.key == "old"
    assert await other.sharing.claim([], []) is None
    for store in (first, other):
        await store.close()


async def test_a_job_is_due_until_its_task_is_deferred(postgres: str) -> None:
    """A sweep that dies in between has lost nothing; the tasks of a dead process are due again at once."""
    dead, other = [await PostgresJobStore.open(postgres, to_write=True) for _ in range(2)]
    assert dead.sharing is not None
    assert other.sharing is not None
    held, free = [require_job(await dead.plan(job(key))).place for key in "ab"]
    states, due = [str(JobState.PLANNED)], [(held, "planned"), (free, "planned")]

    assert [await other.sharing.list_due(states, 9) for _ in range(2)] == [due, due]
    await other.sharing.note_deferred([held, free])
    assert await other.sharing.list_due(states, 9) == []
    await dead.sharing.claim_one(held)
    await expire(dead)
    await other.sharing.free()

    assert await other.sharing.list_due(states, 9) == due[:1]
    for store in (dead, other):
        await store.close()


@pytest.mark.parametrize(
    ("first", "second", "is_free"), [("t", "t", False), ("t", "u", True), ("t", None, False), (None, "t", False)]
)
async def test_one_create_of_a_template_is_open_at_a_time(
    postgres: str, first: Any, second: Any, is_free: bool
) -> None:
    """In all processes together; a create from a variant, whose template is unknown, is alone."""
    store, other = [await PostgresJobStore.open(postgres, to_write=True) for _ in range(2)]
    await bring_to(store, job("a", first), JobState.CREATING)
    planned = require_job(await other.plan(job("b", second)))

    outcome = await other.intend(planned.place, INTENT)

    assert isinstance(outcome, Conflict) != is_free
    await store.release(1, "refused")
    if not is_free:
        assert require_job(await other.intend(planned.place, INTENT)).state == JobState.CREATING
    for opened in (store, other):
        await opened.close()


async def test_a_store_survives_a_restart_of_its_server(postgres_server: PostgresServer, postgres: str) -> None:
    """A verb waits for the server, and is applied once."""
    store = await PostgresJobStore.open(postgres, to_write=True)
    planned = await bring_to(store, job("k"), JobState.CREATING)
    logging.getLogger("psycopg.pool").setLevel(logging.ERROR)

    await asyncio.to_thread(postgres_server.stop)
    billing = asyncio.ensure_future(store.bill(planned.place, "video-1", 2))
    await asyncio.to_thread(postgres_server.start)

    assert require_job(await billing).state == JobState.RENDERING
    assert (await store.statistics()).credits_charged == 2
    await store.close()


async def test_a_verb_that_was_committed_before_the_connection_broke_is_not_a_conflict(postgres: str) -> None:
    """It is repeated, and finds its own work."""
    store = await PostgresJobStore.open(postgres, to_write=True)
    planned = await bring_to(store, job("k"), JobState.CREATING)
    real, breaks = store._database.do, [True]

    async def lose_once(action: Any, **options: Any) -> Any:
        outcome = await real(action, **options)
        return await real(lambda db, _: action(db, True), **options) if breaks.pop() else outcome

    store._database.do = lose_once  # type: ignore[method-assign]
    outcome = await store.bill(planned.place, "video-1", 2)
    store._database.do = real  # type: ignore[method-assign]

    assert require_job(outcome).video_id == "video-1"
    assert (await store.statistics()).credits_charged == 2
    await store.close()


async def test_a_cancelled_verb_happens_wholly(postgres: str) -> None:
    """A bill is recorded although its caller is cancelled."""
    store = await PostgresJobStore.open(postgres, to_write=True)
    planned = await bring_to(store, job("k"), JobState.CREATING)

    billing = asyncio.ensure_future(store.bill(planned.place, "video-1", 2))
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
