"""
Two connections run a verb each, statement by statement, in every order.

Each statement, and the commit, waits until it is let. A search in depth goes through all orders: it repeats the race
from its beginning, with the other side at the last decision where that was not tried.

Rule 1: a side whose statement waits for a lock is not let until the other one has ended its transaction, as in life.
Rule 2: of orders that differ only in neighbours that commute, one is run (sleep sets). Two statements commute if they
write or lock no table in common: what is not committed is not seen. A commit commutes with a statement that uses none
of the tables that its transaction has written or locked.
"""

from __future__ import annotations

import asyncio
import re
from contextlib import AsyncExitStack, asynccontextmanager
from types import SimpleNamespace
from typing import Any, AsyncIterator, Awaitable, Callable, Dict, FrozenSet, List, Tuple

import attrs

from bluma_async.stores.postgres.budget import PostgresBudget
from bluma_async.stores.postgres.creates import PostgresCreates
from bluma_async.stores.postgres.database import RollbackWith
from bluma_async.stores.postgres.jobs import PostgresJobStore
from bluma_async.types._model import utc_now

CHANGES = re.compile(
    r"\b(INSERT|UPDATE|DELETE|CREATE|ALTER|pg_advisory_xact_lock)\b"
)  # UPDATE: also that of FOR UPDATE
USED = re.compile(r"\bbluma_\w+|pg_advisory_xact_lock")
REFERENCES = {"bluma_keys": "bluma_accounts"}  # a foreign key: a new row locks the other one
LOCK_CHECK = 0.005  # seconds for which a statement runs before it is asked whether it waits for a lock
TABLES = ("jobs", "intents", "videos", "strays", "history", "keys", "grants", "leases")
BLOCKED = "SELECT cardinality(pg_blocking_pids(%s)) > 0"
Verb = Callable[["Side"], Awaitable[Any]]
Check = Callable[["Arena", Any, Any], Awaitable[None]]
Race = Tuple[Tuple[str, ...], Verb, Verb, Check]


@attrs.frozen
class Step:
    """
    What a side does next.

    Attributes:
        used: The tables of the statement; of a commit none.
        changed: Those of them that it writes or locks; of a commit, those of its transaction.
    """

    used: FrozenSet[str]
    changed: FrozenSet[str]
    is_commit: bool = False

    @classmethod
    def parse(cls, statement: str) -> Step:
        """Return the step of a statement."""
        used = set(USED.findall(statement))
        used |= {REFERENCES[table] for table in used & set(REFERENCES)}
        return cls(frozenset(used), frozenset(used if CHANGES.search(statement) else ()))

    def commutes(self, other: Step) -> bool:
        """Return whether the order of two steps of different sides makes no difference."""
        if self.is_commit and other.is_commit:
            return True
        if self.is_commit or other.is_commit:
            commit, statement = (self, other) if self.is_commit else (other, self)
            return not commit.changed & statement.used
        return not self.changed & other.changed


class Side:
    """One connection that runs a verb, as far as it is let. It stands for a Database."""

    def __init__(self, db: Any, watcher: Any, epoch: int) -> None:
        self.db = db
        self.pid = db.info.backend_pid
        self._watcher = watcher
        self._steps: asyncio.Queue[None] = asyncio.Queue()
        self._arrived = asyncio.Event()
        member: Any = SimpleNamespace(epoch=epoch, database=self, revive=no_revival)
        self.epoch = epoch
        self.jobs = PostgresJobStore(self, member, utc_now)  # type: ignore[arg-type]  # it stands for a Database
        self.creates = PostgresCreates(member)
        self.budget = PostgresBudget(member, "key")
        self.task: Any = None
        self.next = Step(frozenset(), frozenset())
        self._changed: FrozenSet[str] = frozenset()

    def begin(self, verb: Verb) -> None:
        """Begin to run a verb; it waits before its first statement."""
        self.task = asyncio.ensure_future(verb(self))  # type: ignore[arg-type]  # a coroutine

    async def do(self, action: Any, **_: Any) -> Any:
        """Run an action in a transaction, as a `Database` does."""
        try:
            outcome = await action(self, False)
        except RollbackWith as ended:
            await self.db.rollback()
            self._changed = frozenset()
            return ended.value
        await self._wait(Step(frozenset(), self._changed, is_commit=True))
        self._changed = frozenset()
        await self.db.commit()
        return outcome

    async def execute(self, statement: bytes, *args: Any) -> Any:
        """Run a statement when it is let."""
        step = Step.parse(statement.decode())
        await self._wait(step)
        self._changed |= step.changed
        return await self.db.execute(statement, *args)

    async def _wait(self, step: Step) -> None:
        self.next = step
        self._arrived.set()
        await self._steps.get()

    def step(self) -> None:
        """Let one statement, or the commit, begin."""
        self._arrived.clear()
        self._steps.put_nowait(None)

    async def is_ready(self) -> bool:
        """Wait for the next step; return whether there is one: not at the end, or if a statement waits for a lock."""
        while not (self._arrived.is_set() or self.task.done()):
            arriving = asyncio.ensure_future(self._arrived.wait())
            await asyncio.wait({arriving, self.task}, timeout=LOCK_CHECK, return_when=asyncio.FIRST_COMPLETED)
            arriving.cancel()
            if not (self._arrived.is_set() or self.task.done()) and await self._is_blocked():
                return False
        return not self.task.done()

    async def _is_blocked(self) -> bool:
        return bool((await (await self._watcher.execute(BLOCKED, (self.pid,))).fetchone())[0])


async def no_revival(_: Any) -> None:
    """Leave the leases as the race has them."""


class Search:
    """
    The orders of a race, in depth.

    A decision is whether the first side goes on, although the second one could. After the orders in which the second
    one does, it sleeps in those in which the first one does, until that one has a step that does not commute with it.
    """

    def __init__(self) -> None:
        self._decisions: List[bool] = []  # whether the first side goes on
        self._made = 0
        self._sleeper: Side | None = None
        self._is_known = False  # whether all orders from here on are those of a race before

    def begin(self) -> None:
        """Begin the race again."""
        self._made, self._sleeper, self._is_known = 0, None, False

    def choose(self, ready: List[Side]) -> Side:
        """Return the side that goes on."""
        awake = [side for side in ready if side is not self._sleeper]
        self._is_known = self._is_known or not awake
        if len(ready) == 1 or self._is_known:
            chosen = (awake or ready)[0]
        elif self._sleeper is not None:
            chosen = awake[0]
        else:
            chosen = ready[0] if self._decide() else ready[1]
            self._sleeper = ready[1] if chosen is ready[0] else None
        if self._sleeper is not None and chosen is not self._sleeper and not chosen.next.commutes(self._sleeper.next):
            self._sleeper = None
        return chosen

    def _decide(self) -> bool:
        if self._made == len(self._decisions):
            self._decisions.append(False)
        self._made += 1
        return self._decisions[self._made - 1]

    def advance(self) -> bool:
        """Go to the next order; False if all were run."""
        while self._decisions and self._decisions[-1]:
            self._decisions.pop()
        if self._decisions:
            self._decisions[-1] = True
        return bool(self._decisions)


class Arena:
    """A database with two sides."""

    def __init__(self, watcher: Any, connections: List[Any]) -> None:
        self._watcher = watcher
        self._connections = connections

    async def prepare(self, *statements: str) -> None:
        """Fill the tables as they are when a race begins."""
        for table in TABLES:
            await self._watcher.execute(f"DELETE FROM bluma_{table}")
        await self._watcher.execute("ALTER SEQUENCE bluma_jobs_place_seq RESTART")
        await self._watcher.execute("ALTER SEQUENCE bluma_intents_id_seq RESTART")
        for statement in (*SETUP, *statements):
            await self._watcher.execute(statement)

    async def race(self, first: Verb, second: Verb, search: Search) -> Tuple[Any, Any]:
        """Run two verbs in the order of a search."""
        sides = [Side(db, self._watcher, epoch) for epoch, db in enumerate(self._connections, 1)]
        for side, verb in zip(sides, (first, second)):
            side.begin(verb)
        search.begin()
        while ready := [side for side in sides if await side.is_ready()]:
            chosen = search.choose(ready)
            chosen.step()
            await chosen.is_ready()  # first: its commit lets the other one go on
        return await sides[0].task, await sides[1].task

    async def fetch(self, query: str) -> List[Any]:
        """Return the rows of a query."""
        return await (await self._watcher.execute(query)).fetchall()


SETUP = (
    "UPDATE bluma_accounts SET spent = 0, max_credits = NULL",
    "DELETE FROM bluma_workers",
    "INSERT INTO bluma_workers (epoch, name, ends_at) SELECT n, n, now() + interval '1 h' FROM generate_series(1, 2) n",
)


async def run_every_order(arena: Arena, before: Tuple[str, ...], first: Verb, second: Verb, check: Check) -> int:
    """Run two verbs in every order, check each outcome, and return the number of orders."""
    search, orders = Search(), 0
    while not orders or search.advance():
        await arena.prepare(*before)
        await check(arena, *await arena.race(first, second, search))
        orders += 1
    return orders


@asynccontextmanager
async def opened_arena(url: str) -> AsyncIterator[Arena]:
    """Give an arena in a database."""
    import psycopg

    rows: Any = psycopg.rows.dict_row
    async with AsyncExitStack() as stack:
        connections: List[Any] = [
            await stack.enter_async_context(await psycopg.AsyncConnection.connect(url, row_factory=rows))
            for _ in range(2)
        ]
        watcher = await psycopg.AsyncConnection.connect(url, autocommit=True)
        yield Arena(await stack.enter_async_context(watcher), connections)


async def run_race(url: str, races: Dict[str, Race], name: str) -> int:
    """Run a race in every order, and return the number of orders."""
    async with opened_arena(url) as arena:
        return await run_every_order(arena, *races[name])
