"""
Two connections run a verb each, statement by statement, in every order with two switches between them.

A switch lies before any statement, or before the commit. A statement that waits for a lock of the other connection goes
on as soon as that one has committed, as in life.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from types import SimpleNamespace
from typing import Any, Awaitable, Callable, Dict, List, Tuple

import pytest

from bluma_async.stores.jobs import Conflict, ConflictKind, Intent, Job, StoredJob
from bluma_async.stores.postgres.database import RollbackWith
from bluma_async.stores.postgres.jobs import PostgresJobStore
from bluma_async.stores.states import JobState
from bluma_async.types._model import utc_now
from tests.postgres import PostgresServer
from tests.stores.steps import BEGAN

PARTS = 4  # tests of one race, so that each is short
Verb = Callable[[PostgresJobStore], Awaitable[Any]]


class Side:
    """One connection that runs a verb, as far as it is let."""

    def __init__(self, db: Any, epoch: int) -> None:
        self.db = db
        self.pid = db.info.backend_pid
        self._steps: asyncio.Queue[None] = asyncio.Queue()
        self._arrived = asyncio.Event()
        self.steps = 0
        member: Any = SimpleNamespace(epoch=epoch, database=self, revive=no_revival)
        self.store = PostgresJobStore(self, member, utc_now)  # type: ignore[arg-type]  # it stands for a Database
        self.task: Any = None

    def begin(self, verb: Verb) -> None:
        """Begin to run a verb; it waits before its first statement."""
        self.task = asyncio.ensure_future(verb(self.store))  # type: ignore[arg-type]  # a coroutine

    async def do(self, action: Any, **_: Any) -> Any:
        """Run an action in a transaction, as a `Database` does."""
        try:
            outcome = await action(self, False)
        except RollbackWith as ended:
            await self.db.rollback()
            return ended.value
        await self._wait()
        await self.db.commit()
        return outcome

    async def execute(self, *args: Any) -> Any:
        """Run a statement when it is let."""
        await self._wait()
        return await self.db.execute(*args)

    async def _wait(self) -> None:
        self._arrived.set()
        await self._steps.get()
        self._arrived.clear()

    async def step(self, watcher: Any) -> bool:
        """Let one statement, or the commit, run to its end; return False if it waits for a lock."""
        if not await self._arrive(watcher) or self.task.done():
            return False
        self.steps += 1
        self._arrived.clear()
        self._steps.put_nowait(None)
        return await self._arrive(watcher)

    async def _arrive(self, watcher: Any) -> bool:
        """Wait for the next statement or the end; return False if the present one waits for a lock."""
        while not (self._arrived.is_set() or self.task.done()):
            arriving = asyncio.ensure_future(self._arrived.wait())
            await asyncio.wait({arriving, self.task}, timeout=0.01, return_when=asyncio.FIRST_COMPLETED)
            arriving.cancel()
            if not (self._arrived.is_set() or self.task.done()) and await self._is_blocked(watcher):
                return False
        return True

    async def _is_blocked(self, watcher: Any) -> bool:
        query = "SELECT cardinality(pg_blocking_pids(%s)) > 0"
        return bool((await (await watcher.execute(query, (self.pid,))).fetchone())[0])

    async def finish(self, watcher: Any) -> None:
        """Run to the end, or until a statement waits for a lock."""
        while await self.step(watcher):
            pass


async def no_revival(_: Any) -> None:
    """Leave the leases as the race has them."""


class Arena:
    """A database with two sides."""

    def __init__(self, url: str, watcher: Any, sides: List[Any]) -> None:
        self.url = url
        self.watcher = watcher
        self.connections = sides

    async def prepare(self, *statements: str) -> None:
        """Fill the tables as they are when a race begins."""
        for table in ("bluma_jobs", "bluma_intents", "bluma_videos", "bluma_strays", "bluma_history"):
            await self.watcher.execute(f"DELETE FROM {table}")
        await self.watcher.execute("ALTER SEQUENCE bluma_jobs_place_seq RESTART")
        for statement in (*SETUP, *statements):
            await self.watcher.execute(statement)

    async def race(self, first: Verb, second: Verb, split: Tuple[int, int]) -> Tuple[Any, Any]:
        """Run first[:i], second[:j], then the rest of the first, then the rest of the second."""
        one, two = (Side(db, epoch) for db, epoch in zip(self.connections, (1, 2)))
        one.begin(first)
        two.begin(second)
        for side, count in zip((one, two), split):
            for _ in range(count):
                await side.step(self.watcher)
        for _ in range(8):  # a side that is blocked goes on when the other one has committed
            for side in (one, two):
                await side.finish(self.watcher)
        return await one.task, await two.task

    async def fetch(self, query: str) -> List[Any]:
        """Return the rows of a query."""
        return await (await self.watcher.execute(query)).fetchall()


SETUP = (
    "DELETE FROM bluma_workers",
    "INSERT INTO bluma_workers (epoch, name, ends_at) SELECT n, n, now() + interval '1 h' FROM generate_series(1, 2) n",
    """INSERT INTO bluma_jobs (key, folded, body, template_id, origin, run, state, planned_from)
    VALUES ('a', 'a', '{}', 't', 'r', 0, 'planned', 'r'), ('b', 'b', '{}', 't', 'r', 0, 'planned', 'r')""",
)
LEFT_OPEN = (  # the first process has announced a create, and seems to be dead
    "UPDATE bluma_workers SET ends_at = now() - interval '1 s' WHERE epoch = 1",
    "UPDATE bluma_jobs SET state = 'creating', holder = 1, request_key = 'q' WHERE key = 'a'",
    """INSERT INTO bluma_intents (account, template_id, request_key, place, epoch, made_by, sent_at, settles_after)
    VALUES (0, 't', 'q', 1, 1, 1, now() - interval '1 min', 5)""",
)


BOTH_OPEN = (  # two creates of different templates
    """UPDATE bluma_jobs SET state = 'creating', holder = place, request_key = key, template_id = key""",
    """INSERT INTO bluma_intents (account, template_id, request_key, place, epoch, made_by, settles_after)
    SELECT 0, key, key, place, place, place, 5 FROM bluma_jobs""",
)


IN_DOUBT = (  # a process has recorded the video of a job in doubt
    "UPDATE bluma_jobs SET state = 'in_doubt', request_key = key",
    """INSERT INTO bluma_intents (account, template_id, request_key, place, epoch, made_by, settles_after, outcome)
    SELECT 0, 't', key, place, 1, 1, 5, 'doubt' FROM bluma_jobs""",
    "INSERT INTO bluma_strays (place, request_key, video_id, charged, epoch) VALUES (1, 'a', 'video-1', 2, 1)",
)


DONE = "UPDATE bluma_jobs SET state = 'saved' WHERE key = 'b'"


def claim(*states: str) -> Verb:
    """Claim the next job in one of these states, or an open create of a dead process."""
    return lambda store: store.sharing.claim(states, [], [])  # type: ignore[union-attr]


def intend(place: int, epoch: int) -> Verb:
    """Announce the create of a job."""
    return lambda store: store.intend(place, Intent(f"q{epoch}", BEGAN, epoch, 2, 5.0))


def touch(store: PostgresJobStore) -> Any:
    """Announce an attempt of the open create."""
    return store.sharing.touch("q")  # type: ignore[union-attr]


def bill(store: PostgresJobStore) -> Any:
    """Record the answer of the open create."""
    return store.bill(1, "video-1", 2, request_key="q")


def answer(place: int) -> Verb:
    """Record the answer of a create; all get the same video."""
    return lambda store: store.bill(place, "video-1", 2, request_key="ab"[place - 1])


def replan(store: PostgresJobStore) -> Any:
    """Plan the jobs in doubt again."""
    return store.replan([JobState.IN_DOUBT])


def adopt(store: PostgresJobStore) -> Any:
    """Name the video for another job in doubt, as a user may."""
    return store.adopt(2, "video-1", 2)


def plan(key: str) -> Verb:
    """Plan a job."""
    return lambda store: store.plan(Job(key, "{}", "t", None, "row"))


async def check_claims(arena: Arena, one: Any, two: Any) -> None:
    """Each process has a job of its own."""
    assert {one.place, two.place} == {1, 2}
    assert {(one.place, one.epoch), (two.place, two.epoch)} == set(
        await arena.fetch("SELECT place, holder FROM bluma_jobs")
    )


async def check_intents(arena: Arena, one: Any, two: Any) -> None:
    """One of them has the turn."""
    conflicts = [outcome for outcome in (one, two) if isinstance(outcome, Conflict)]
    assert [conflict.kind for conflict in conflicts] == [ConflictKind.TURN_TAKEN]
    assert await arena.fetch("SELECT count(*) FROM bluma_intents WHERE outcome IS NULL") == [(1,)]
    assert await arena.fetch("SELECT count(*) FROM bluma_jobs WHERE state = 'creating'") == [(1,)]


async def check_takeover(arena: Arena, one: Any, two: Any) -> None:
    """Either the answer was recorded and nothing is taken over, or it is a stray and the job has another holder."""
    if isinstance(one, StoredJob):
        assert two is None
        assert await arena.fetch("SELECT state, video_id FROM bluma_jobs WHERE place = 1") == [("rendering", "video-1")]
        assert await arena.fetch("SELECT count(*) FROM bluma_strays") == [(0,)]
    else:
        assert (one.kind, two.epoch) == (ConflictKind.NOT_MINE, 2)
        assert await arena.fetch("SELECT request_key, video_id FROM bluma_strays") == [("q", "video-1")]
        assert await arena.fetch("SELECT count(*) FROM bluma_videos") == [(0,)]


async def check_announcement(arena: Arena, one: Any, two: Any) -> None:
    """A create is announced, or taken over: never both."""
    assert one is not (two is not None)


async def check_answers(arena: Arena, one: Any, two: Any) -> None:
    """A video is one job's; the other create stays open."""
    conflicts = [outcome for outcome in (one, two) if isinstance(outcome, Conflict)]
    assert [conflict.kind for conflict in conflicts] == [ConflictKind.VIDEO_IN_USE]
    assert sorted(await arena.fetch("SELECT state FROM bluma_jobs")) == [("creating",), ("rendering",)]
    assert await arena.fetch("SELECT count(*) FROM bluma_intents WHERE outcome IS NULL") == [(1,)]
    assert await arena.fetch("SELECT count(*) FROM bluma_strays") == [(0,)]


async def check_replans(arena: Arena, one: Any, two: Any) -> None:
    """The job in doubt gets its video, once."""
    assert sorted([one, two]) == [0, 1]
    jobs = await arena.fetch("SELECT place, state, video_id FROM bluma_jobs ORDER BY place")
    assert jobs == [(1, "rendering", "video-1"), (2, "saved", None)]


async def check_adoption(arena: Arena, one: Any, _: Any) -> None:
    """One job gets the video, whoever is first; the other one is planned again, or in doubt."""
    assert one in {1, 2}
    assert await arena.fetch("SELECT count(*) FROM bluma_videos") == [(1,)]
    assert await arena.fetch("SELECT count(*) FROM bluma_jobs WHERE state = 'rendering'") == [(1,)]
    lost = "SELECT count(*) FROM bluma_jobs j JOIN bluma_videos v ON v.place = j.place WHERE j.video_id IS NULL"
    assert await arena.fetch(lost) == [(0,)]


async def check_plans(arena: Arena, one: Any, two: Any) -> None:
    """A key is one job, in whichever order."""
    assert isinstance(one, StoredJob) != isinstance(two, StoredJob)
    assert await arena.fetch("SELECT count(*) FROM bluma_jobs WHERE folded = 'new'") == [(1,)]


RACES: Dict[str, Any] = {
    "two processes claim": ((), claim("planned"), claim("planned"), check_claims),
    "two processes announce creates of one template": ((), intend(1, 1), intend(2, 2), check_intents),
    "an answer comes while its job is taken over": (LEFT_OPEN, bill, claim(), check_takeover),
    "a frozen process announces while its job is taken over": (LEFT_OPEN, touch, claim(), check_announcement),
    "one answer comes to two creates": (BOTH_OPEN, answer(1), answer(2), check_answers),
    "two users retry the jobs in doubt": ((*IN_DOUBT, DONE), replan, replan, check_replans),
    "a video is named for a job as it is found for another": (IN_DOUBT, replan, adopt, check_adoption),
    "two processes plan one key": ((), plan("new"), plan("NEW"), check_plans),
}


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("name", RACES)
async def test_every_order_of_two_verbs_keeps_the_rules(
    postgres: str, postgres_server: PostgresServer, name: str, part: int
) -> None:
    """The outcome is one that some order of the whole verbs has."""
    import psycopg

    rows: Any = psycopg.rows.dict_row
    async with AsyncExitStack() as stack:
        opened: List[Any] = [
            await stack.enter_async_context(await psycopg.AsyncConnection.connect(postgres, row_factory=rows))
            for _ in range(2)
        ]
        connecting = psycopg.AsyncConnection.connect(postgres, autocommit=True)
        watcher = await stack.enter_async_context(await connecting)
        await run_orders(part, Arena(postgres, watcher, opened), *RACES[name])


async def run_orders(part: int, arena: Arena, before: Any, first: Verb, second: Verb, check: Any) -> None:
    """Run two verbs in every order of this part with two switches, and check each outcome."""
    counts = [await count_steps(arena, before, verb, epoch) for epoch, verb in ((1, first), (2, second))]
    assert min(counts) > 1
    for i in range(part, counts[0] + 1, PARTS):
        for j in range(counts[1] + 1):
            await arena.prepare(*before)
            await check(arena, *await arena.race(first, second, (i, j)))


async def count_steps(arena: Arena, before: Any, verb: Verb, epoch: int) -> int:
    """Return the number of statements of a verb that runs alone, with its commit."""
    await arena.prepare(*before)
    side = Side(arena.connections[epoch - 1], epoch)
    side.begin(verb)
    await side.finish(arena.watcher)
    return side.steps
