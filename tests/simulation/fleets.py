"""Runs of fleets: several workers on one store and one key, killed, frozen and cut off at any moment."""

from __future__ import annotations

import asyncio
import contextvars
import random
from functools import partial
from pathlib import Path
from typing import Any, Callable, Dict, List, Tuple, Type

import attrs

from bluma_async import AsyncBluma
from bluma_async.batch.api import BatchApi
from bluma_async.batch.batch import Batch
from bluma_async.batch.options import BatchOptions
from bluma_async.batch.parsing import parse_row
from bluma_async.errors import BlumaError
from bluma_async.fleet.worker import registered_tasks
from bluma_async.stores.holders import ACTIVE
from bluma_async.stores.keys import fingerprint_key
from bluma_async.stores.memory.members import SharedMemory
from bluma_async.stores.sharing import BEATS
from bluma_async.stores.states import JobState
from tests.simulation.api import TEMPLATES
from tests.simulation.conditions import MOST_SKEW, Conditions
from tests.simulation.fleet_engine import Broker, SimulatedEngine
from tests.simulation.fleet_network import CONNECTING, FleetNetwork
from tests.simulation.fleet_store import Connected, Line, MemberStore
from tests.simulation.virtual import Killed, Process
from tests.simulation.world import LIVE_KEY, World

APART = 300.0  # seconds by which the clocks of machines are wrong, either way
LIMIT = 3600.0  # virtual seconds; every job has ended long before
HOPELESS_LIMIT = 400.0
GRACE = 700.0  # seconds to end when every job has: a worker may be frozen, and then cut off, for 300 s each
KINDS = ("kill", "freeze", "store", "api", "stop", "flush")


@attrs.frozen
class Incident:
    """Something that happens to a worker: when, what, to which one, and for how long."""

    at: float
    kind: str
    worker: int
    seconds: float


@attrs.frozen(kw_only=True)
class FleetPlan:
    """What one seed has a fleet do."""

    workers: int
    jobs: int
    concurrency: int
    has_engine: bool  # whether the tasks of a worker are run, or batches that share the store
    is_exclusive: bool
    incidents: Tuple[Incident, ...]
    ahead: Tuple[float, ...]  # the wall clock of each worker
    lost: float
    repeated: float
    store_latency: float
    lost_answers: float  # share of the store's
    lease: float
    ambushed: float  # share of attempts to create at which something happens to the worker
    options: Dict[str, Any]


def draw_fleet_plan(chance: random.Random, conditions: Conditions) -> FleetPlan:
    """Draw what a fleet does. Without a Date header, clocks are apart no more than the designed bounds allow."""
    workers = chance.randint(2, 5)
    number = chance.choice((0, 1, 3, 6, 10))
    apart = MOST_SKEW if conditions.date_ahead is None else APART
    return FleetPlan(
        workers=workers,
        jobs=chance.randint(1, 12),
        concurrency=chance.choice((1, 3, 8)),
        has_engine=chance.random() < 0.5,
        is_exclusive=not conditions.strangers and chance.random() < 0.6,
        incidents=tuple(sorted((_draw_incident(chance, workers) for _ in range(number)), key=lambda one: one.at)),
        ahead=tuple(chance.choice((0.0, -apart, apart, chance.uniform(-apart, apart))) for _ in range(workers)),
        lost=chance.choice((0.0, 0.1, 0.5)),
        repeated=chance.choice((0.0, 0.2, 0.7)),
        store_latency=chance.choice((0.001, 0.02, 0.2)),
        lost_answers=chance.choice((0.0, 0.01, 0.1)),
        lease=chance.choice((10.0, 30.0)),
        ambushed=chance.choice((0.0, 0.1, 0.4)),
        options={
            "timeout": chance.choice((2.0 if conditions.latency < 0.5 else 10.0, 10.0)),
            "max_retries": chance.choice((0, 3)),
        },
    )


def _draw_incident(chance: random.Random, workers: int) -> Incident:
    latest = chance.choice((10.0, 60.0, 200.0))
    kind, seconds = chance.choice(KINDS), chance.choice((3.0, 10.0, 40.0, 80.0, 150.0, 300.0))
    return Incident(chance.uniform(0.0, latest), kind, chance.randrange(workers), seconds)


def is_hopeless(conditions: Conditions) -> bool:
    """Return whether a job may never end: lost creates cannot be searched for, or no create may ever be answered."""
    return bool(conditions.list_failures) or conditions.create_faults == 1.0


def build_options(plan: FleetPlan) -> BatchOptions:
    """Return the options of a worker's batch; no files are saved."""
    return BatchOptions.checked(
        Path("journal"), None, concurrency=plan.concurrency, max_credits=None, on_error="collect", poll_interval=5.0,
        timeout=3600.0, on_change=None,
    )  # fmt: skip


class Fleet:
    """One store, and the workers on it."""

    def __init__(self, world: World, plan: FleetPlan, store_class: Type[MemberStore] = MemberStore) -> None:
        self.world = world
        self.plan = plan
        self.store_class = store_class
        self.memory = SharedMemory(world.loop.time)
        self.broker = Broker(world.chance, plan.lost, plan.repeated, latest=5.0)
        self.jobs = [
            {"key": f"job-{number}", "prompt": f"job-{number}", "template_id": TEMPLATES[number % len(TEMPLATES)]}
            for number in range(plan.jobs)
        ]
        self.problems: List[str] = []
        self.workers = [Worker(self, number) for number in range(plan.workers)]

    @property
    def is_over(self) -> bool:
        """Whether every job has ended."""
        jobs = list(self.memory.tables.iterate())
        is_active = (job.state in ACTIVE and job.state != JobState.RENDERED for job in jobs)
        return len(jobs) == self.plan.jobs and not any(is_active)

    @property
    def is_late(self) -> bool:
        """Whether the fleet has had its time; it has less if not all jobs can end."""
        return self.world.loop.time() > (HOPELESS_LIMIT if is_hopeless(self.world.conditions) else LIMIT)

    async def run(self) -> None:
        """Run all workers and all incidents until every job has ended."""
        if self.plan.has_engine:
            await self._submit()
        incidents = asyncio.ensure_future(self._happen())
        try:
            await asyncio.gather(*(worker.run() for worker in self.workers))
        finally:
            incidents.cancel()
            await asyncio.gather(incidents, return_exceptions=True)

    async def _submit(self) -> None:
        """Submit all jobs, as a program of the user's does."""
        store = MemberStore(self.memory)
        rows = [parse_row(row, f"job {number}").to_job() for number, row in enumerate(self.jobs)]
        await store.submit(rows, most=1)
        await store.close()

    def ambush(self, number: int) -> None:
        """Let something happen to a worker that is about to create, if chance has it so."""
        chance, loop = self.world.chance, self.world.loop
        if chance.random() < self.plan.ambushed:
            seconds = chance.choice((3.0, 40.0, 80.0, 150.0))
            delay = chance.choice((0.0, chance.uniform(0.0, CONNECTING), chance.uniform(0.0, 3.0)))
            incident = Incident(loop.time() + delay, chance.choice(("kill", "freeze", "store", "api")), number, seconds)
            # Outside of the process that is about to create: it may be stopped, and must be woken up again.
            contextvars.Context().run(loop.call_later, delay, self._let_happen, incident)

    async def _happen(self) -> None:
        for incident in self.plan.incidents:
            await asyncio.sleep(max(incident.at - self.world.loop.time(), 0.0))
            self._let_happen(incident)

    def _let_happen(self, incident: Incident) -> None:
        self.world.trace(f"{incident}")
        worker = self.workers[incident.worker]
        effects: Dict[str, Callable[[float], None]] = {
            "kill": worker.kill,
            "freeze": worker.freeze,
            "store": worker.cut_store,
            "api": worker.cut_api,
            "stop": worker.stop,
            "flush": self.broker.flush,
        }
        effects[incident.kind](incident.seconds)


class Worker:
    """One worker, and its processes one after the other."""

    def __init__(self, fleet: Fleet, number: int) -> None:
        self._fleet = fleet
        self._world = fleet.world
        self._ahead = fleet.plan.ahead[number]
        self._number = number
        self._name = "ABCDE"[number]
        self._lives = 0
        self._life: _Life | None = None
        self._pause = 0.0
        self.kills = self.freezes = self.cuts = 0

    async def run(self) -> None:
        """Live, and live again, until every job has ended."""
        while not (self._fleet.is_over or self._fleet.is_late):
            self._lives += 1
            self._life = _Life(self._fleet, f"{self._name}{self._lives}", self._number, self._ahead)
            await self._life.run()
            self._life = None
            await asyncio.sleep(self._pause or self._world.chance.choice((0.1, 1.0, 20.0)))
            self._pause = 0.0

    def kill(self, seconds: float) -> None:
        """Kill the process; the next one begins so many seconds later."""
        if self._life is not None:
            self.kills += 1
            self._pause = seconds / 4
            self._life.kill()

    def freeze(self, seconds: float) -> None:
        """Stop the process for a while."""
        if self._life is not None and not self._life.process.is_frozen:
            self.freezes += 1
            self._life.process.is_frozen = True
            self._world.loop.call_later(seconds, self._life.process.thaw)

    def cut_store(self, seconds: float) -> None:
        """Cut the process off the store for a while."""
        if self._life is not None:
            self.cuts += 1
            self._life.line.is_cut = True
            self._world.loop.call_later(seconds, setattr, self._life.line, "is_cut", False)

    def cut_api(self, seconds: float) -> None:
        """Cut the process off the API for a while."""
        if self._life is not None:
            self.cuts += 1
            self._life.network.is_cut = True
            self._world.loop.call_later(seconds, setattr, self._life.network, "is_cut", False)

    def stop(self, _: float) -> None:
        """Ask the process to end, as SIGTERM does."""
        if self._life is not None:
            self._life.stop()


class _Life:
    """One process of a worker."""

    def __init__(self, fleet: Fleet, name: str, number: int, ahead: float) -> None:
        world, plan = fleet.world, fleet.plan
        self._fleet = fleet
        self._name = name
        self.process = Process(world.loop)
        self.network = world.network(name, FleetNetwork)
        self.line = Line(world.loop, plan.store_latency, plan.lost_answers, random.Random(world.chance.random()))
        base_url = f"{world.base_url[:-7]}-{name}/api/v1"  # memory of its own
        options: Dict[str, Any] = {**plan.options, "exclusive": plan.is_exclusive}
        clock = world.clock(ahead)
        self._client = AsyncBluma(LIVE_KEY, base_url=base_url, transport=self.network, clock=clock, **options)
        self._client._session.shared.certainty = world.policy
        self._member = fleet.store_class(fleet.memory, clock.utc, plan.lease)
        self._member.fingerprint = fingerprint_key(base_url, LIVE_KEY)
        self._store = Connected(self._member, self._member, self.line)
        self._options = build_options(plan)
        self._engine = SimulatedEngine(fleet.broker, plan.concurrency)
        self._work: asyncio.Task[None] | None = None
        self.network.heeds_age = fleet.store_class.heeds_age
        self.network.on_attempt = partial(fleet.ambush, number)
        self.network.on_create = self._note_create

    async def run(self) -> None:
        """Work until every job has ended, or until the process ends."""
        self._work = self.process.spawn(self._live())
        over = asyncio.ensure_future(self._wait_for_end())
        await asyncio.wait([self._work, over], return_when=asyncio.FIRST_COMPLETED)
        is_over = self._fleet.is_over  # else its time is over, and it may be in the middle of its work
        if not self._work.done():
            await asyncio.wait([self._work], timeout=GRACE if is_over else 1.0)
        if not self._work.done():
            if is_over:
                self._fleet.problems.append(f"{self._name} did not end")
            self._work.cancel()
        over.cancel()
        await asyncio.gather(over, self._work, return_exceptions=True)
        error = None if self._work.cancelled() else self._work.exception()
        self._fleet.world.trace(f"{self._name} ended: {error!r}")
        if error is not None and not isinstance(error, (BlumaError, Killed)):
            self._fleet.problems.append(f"{self._name} ended with {error!r}")
        self._fleet.problems += [f"{self._name}: a task raised {one!r}" for one in self._list_surprises()]
        await self._client.aclose()

    def kill(self) -> None:
        """Kill the process."""
        self.line.is_dead = self.network.is_dead = True
        self.process.thaw()
        if self._work is not None:
            self._work.cancel()

    def stop(self) -> None:
        """Ask the process to end."""
        self._engine.is_stopping = True

    def _list_surprises(self) -> List[BaseException]:
        return [failure for failure in self._engine.failures if not isinstance(failure, BlumaError)]

    async def _wait_for_end(self) -> None:
        while not (self._fleet.is_over or self._fleet.is_late):
            await asyncio.sleep(5.0)
        self.stop()

    async def _live(self) -> None:
        renewal = asyncio.ensure_future(self._renew())
        try:
            await (self._run_tasks() if self._fleet.plan.has_engine else self._run_batch())
        finally:
            renewal.cancel()
            await asyncio.gather(renewal, return_exceptions=True)

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(self._fleet.plan.lease / BEATS)
            try:
                await self._store.sharing.free()
            except BlumaError:
                continue

    async def _run_batch(self) -> None:
        async def open_store(*, to_write: bool) -> Connected:
            return self._store

        api = BatchApi(self._client._session, self._client._hub)
        batch = Batch(self._options, api, open_store)
        async for result in batch.run(self._fleet.jobs):
            self._fleet.world.trace(f"{self._name}: {result.key} {result.state} {result.video_id or ''} {result.error}")
        if batch.stopped is not None:
            self._fleet.world.trace(f"{self._name} stopped: {batch.stopped}")

    async def _run_tasks(self) -> None:
        api, store = BatchApi(self._client._session, self._client._hub), self._store
        sharing: Any = store.sharing
        try:
            async with registered_tasks(self._options, api, store, sharing, self._engine):
                await self._engine.run()
        finally:
            await store.close()

    def _note_create(self, key: str) -> None:
        """Check that nobody has taken over a create that is being sent."""
        intent = next((entry for entry in self._fleet.memory.intents if entry.request_key == key), None)
        epoch = self._member.sharing.epoch
        if intent is None or intent.outcome is not None or intent.epoch != epoch:
            self._fleet.problems.append(f"{self._name} (epoch {epoch}) sent a create that it does not hold: {intent}")
