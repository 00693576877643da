"""
Tell other processes the states of videos, in PostgreSQL.

Rule 1: a state is a row, and a message names the row: NOTIFY carries at most 8,000 bytes, and is lost while nobody
listens. A process that listens again reads the rows that it waits for.
Rule 2: the turn of a poll is a lease in the row, by the database's clock. It ends by itself if its process dies.
Rule 3: connections that listen are not part of the pool. A pooler that does not pass messages on is found out by the
listener, which sends one to itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, AsyncGenerator, Awaitable, Callable, Collection, Mapping, TypeVar

from bluma_async.errors import BlumaError
from bluma_async.stores.news import PollTurn
from bluma_async.stores.postgres.connections import build_options
from bluma_async.stores.postgres.failures import list_failures
from bluma_async.stores.postgres.jobs import PostgresJobStore
from bluma_async.stores.postgres.rows import execute, fetch_all, fetch_one
from bluma_async.stores.postgres.urls import load_psycopg, name_database

if TYPE_CHECKING:
    from bluma_async.stores.news import News
    from bluma_async.stores.ports import JobStore
    from bluma_async.stores.postgres.database import Database
    from bluma_async.stores.postgres.rows import Connection

__all__ = ["PostgresNews", "find_news", "publish_blocking"]

T = TypeVar("T")
CHANNEL = "bluma"
POLL_LEASE = 8.0  # seconds after which another process polls, if the one whose turn it is has died
PATIENCE = 3.0  # seconds for which a lost connection is retried: each process can do without the others' news
TIMEOUT = 3  # seconds to connect, for a caller that blocks
PUBLISH = (
    "INSERT INTO bluma_states AS s (account, video_id, state, is_final, at) VALUES (0, %s, %s, %s, clock_timestamp()) "
    "ON CONFLICT (account, video_id) DO UPDATE SET state = excluded.state, is_final = excluded.is_final, "
    "at = excluded.at, polled_until = NULL WHERE NOT s.is_final"
)
TELL = "SELECT pg_notify('bluma', %s)"
UNREAD = "'epoch'::timestamptz"
LEASED = f"clock_timestamp() + {POLL_LEASE} * interval '1 second'"
IS_OLD = (
    "s.at < clock_timestamp() - %s * interval '1 second' "
    "AND (s.polled_until IS NULL OR s.polled_until < clock_timestamp())"
)
BEGIN_POLL = (
    "INSERT INTO bluma_states AS s (account, video_id, state, is_final, at, polled_until) "  # noqa: S608 - constants
    f"VALUES (0, %s, '', false, {UNREAD}, {LEASED}) ON CONFLICT (account, video_id) DO UPDATE "
    f"SET polled_until = excluded.polled_until WHERE NOT s.is_final AND {IS_OLD}"
)
BEGIN_LIST = (
    f"INSERT INTO bluma_lists AS s (name, at, polled_until) VALUES (%s, {UNREAD}, {LEASED}) "  # noqa: S608 - constants
    f"ON CONFLICT (name) DO UPDATE SET polled_until = excluded.polled_until WHERE {IS_OLD}"
)
AGE = "extract(epoch FROM clock_timestamp() - at)::float AS age"


class PostgresNews:
    """The `News` of a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def publish(self, video_id: str, body: str, *, is_final: bool, tells: bool = True) -> None:
        """Record the state of a video, and tell the other processes. A final state is never replaced."""

        async def work(db: Connection) -> None:
            if await execute(db, PUBLISH, video_id, body, is_final) and tells:
                await execute(db, TELL, f"video {video_id}")

        await self._do(work)

    async def read(self, video_ids: Collection[str]) -> Mapping[str, str]:
        """Return the recorded states of these videos."""
        query = "SELECT video_id, state FROM bluma_states WHERE account = 0 AND video_id = ANY(%s) AND state <> ''"
        rows = await self._do(lambda db: fetch_all(db, query, list(video_ids)))
        return {row["video_id"]: row["state"] for row in rows}

    async def begin_poll(self, video_id: str, fresh_for: float) -> PollTurn:
        """Return the state of a video if it is final or was read within these seconds; else the turn to poll it."""

        async def work(db: Connection) -> PollTurn:
            is_mine = await execute(db, BEGIN_POLL, video_id, fresh_for) > 0
            query = f"SELECT state AS body, {AGE} FROM bluma_states WHERE account = 0 AND video_id = %s"  # noqa: S608 - a constant
            return _turn(is_mine, await fetch_one(db, query, video_id))

        return await self._do(work)

    async def begin_list(self, name: str, fresh_for: float) -> PollTurn:
        """Return a list if it was read within these seconds; else the turn to read it."""

        async def work(db: Connection) -> PollTurn:
            is_mine = await execute(db, BEGIN_LIST, name, fresh_for) > 0
            query = f"SELECT body, {AGE} FROM bluma_lists WHERE name = %s"  # noqa: S608 - a constant
            return _turn(is_mine, await fetch_one(db, query, name))

        return await self._do(work)

    async def write_list(self, name: str, body: str, took: float) -> None:
        """Record a list whose reading began these seconds ago: later videos can be missing in it."""
        began = "clock_timestamp() - %s * interval '1 second'"
        statement = f"UPDATE bluma_lists SET body = %s, at = {began}, polled_until = NULL WHERE name = %s"  # noqa: S608 - a constant
        await self._do(lambda db: execute(db, statement, body, took, name))

    async def give_up(self, *, video_id: str | None = None, name: str | None = None) -> None:
        """Give back the turn of a poll, or of a list, that has failed."""

        async def work(db: Connection) -> None:
            poll = "UPDATE bluma_states SET polled_until = NULL WHERE account = 0 AND video_id = %s"
            await execute(db, poll, video_id)
            await execute(db, "UPDATE bluma_lists SET polled_until = NULL WHERE name = %s", name)

        await self._do(work)

    async def listen(self) -> AsyncGenerator[str, None]:
        """Yield each message of the other processes as it is sent; an empty one when listening begins."""
        psycopg = load_psycopg()
        try:
            connection = await self._database.connect()
            async with connection:
                await execute(connection, f"LISTEN {CHANNEL}")
                yield ""
                async for message in connection.notifies():
                    yield message.payload
        except list_failures(psycopg) as problem:
            raise BlumaError(
                f"The messages of {self._database.name} cannot be received: {type(problem).__name__}."
            ) from None

    async def ring(self, message: str) -> None:
        """Send a message to the processes that listen."""
        await self._do(lambda db: execute(db, TELL, message))

    async def _do(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        return await self._database.do(lambda db, _: work(db), patience=PATIENCE)


def find_news(store: JobStore) -> News | None:
    """Return the news in the database of a store; None for a store of one machine."""
    return PostgresNews(store.database) if isinstance(store, PostgresJobStore) else None


def publish_blocking(url: str, video_id: str, body: str, *, is_final: bool) -> None:
    """
    Record the state of a video, and tell the other processes. It blocks, and needs no event loop.

    Raises:
        BlumaError: The database cannot be used.
    """
    psycopg = load_psycopg()
    try:
        with psycopg.connect(url, **build_options(TIMEOUT)) as db:
            if db.execute(PUBLISH.encode(), (video_id, body, is_final)).rowcount:
                db.execute(TELL.encode(), (f"video {video_id}",))
    except list_failures(psycopg) as problem:
        raise BlumaError(f"The event could not be stored in {name_database(url)}: {type(problem).__name__}.") from None


def _turn(is_mine: bool, row: Any) -> PollTurn:
    return PollTurn(is_mine) if row is None else PollTurn(is_mine, row["body"] or None, row["age"])
