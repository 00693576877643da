"""Runs of batches: processes with journals on one key, killed at any moment, and started again."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import Any, Dict, List

import attrs

from bluma_async import AsyncBluma
from bluma_async.batch.api import BatchApi
from bluma_async.batch.batch import Batch
from bluma_async.batch.options import BatchOptions
from bluma_async.errors import BlumaError
from bluma_async.stores.jobs import StoredJob
from bluma_async.stores.memory.jobs import MemoryJobStore
from bluma_async.stores.states import JobState
from bluma_async.types import VideoEvent, VideoStatus
from tests.simulation.api import TEMPLATES, MadeVideo
from tests.simulation.network import Network
from tests.simulation.virtual import Killed
from tests.simulation.world import LIVE_KEY, World

RUNS = 40  # at most, until every job has ended
LONGEST_RUN = 2 * 3600.0  # virtual seconds


@attrs.frozen(kw_only=True)
class BatchPlan:
    """What one seed has the batches do."""

    processes: int
    jobs: int  # of each process
    concurrency: int
    kills: int
    is_exclusive: bool
    webhooks: str  # "never", "early", "late" or "twice"
    options: Dict[str, Any]


def draw_batch_plan(chance: random.Random, *, has_strangers: bool) -> BatchPlan:
    """Draw what the batches do. Nobody states that a key is exclusive while others use it."""
    processes = chance.choice((1, 1, 2))
    return BatchPlan(
        processes=processes,
        jobs=chance.randint(1, 10),
        concurrency=chance.choice((1, 3, 8)),
        kills=chance.choice((0, 0, 1, 3)),
        is_exclusive=processes == 1 and not has_strangers and chance.random() < 0.6,
        webhooks=chance.choice(("never", "early", "late", "twice")),
        options={"timeout": chance.choice((2.0, 10.0)), "max_retries": chance.choice((0, 3))},
    )


class KillableStore(MemoryJobStore):
    """A store that refuses its dead process; what was committed before stays."""

    def __init__(self) -> None:
        super().__init__()
        self.is_dead = False

    def __getattribute__(self, name: str) -> Any:
        value = super().__getattribute__(name)
        if not name.startswith("_") and callable(value) and super().__getattribute__("is_dead"):
            raise Killed
        return value

    async def close(self) -> None:
        """Stay open for the next process."""


class BatchProcess:
    """One journal, and the processes that run it one after the other."""

    def __init__(self, world: World, name: str, plan: BatchPlan) -> None:
        self.world = world
        self.name = name
        self.plan = plan
        self.store = KillableStore()
        self.jobs = [
            {"key": f"{name}-{number}", "prompt": f"{name}-{number}", "template_id": TEMPLATES[number % len(TEMPLATES)]}
            for number in range(plan.jobs)
        ]
        self.problems: List[str] = []
        self._lives = 0
        self._kills = plan.kills

    async def run(self) -> None:
        """Run the batch, kill it and start it again, until every job has ended."""
        for _ in range(RUNS):
            await self._live()
            if await self._is_over():
                return
            await asyncio.sleep(self.world.chance.choice((0.0, 1.0, 20.0)))

    async def _is_over(self) -> bool:
        status = await self.store.statistics()
        return status.total == self.plan.jobs and not (status.planned or status.creating or status.rendering)

    async def _live(self) -> None:
        """Run one process to its end, or to its death."""
        self._lives += 1
        network = self.world.network(f"{self.name}.{self._lives}", Network)
        client = self._open_client(network)
        work = asyncio.ensure_future(self._consume(self._open_batch(client)))
        events = asyncio.ensure_future(self._send_events(client))
        try:
            if self._kills > 0:
                await self._kill_soon(work, network)
            await asyncio.wait_for(asyncio.wait([work]), LONGEST_RUN)
        except asyncio.TimeoutError:
            self.problems.append(f"{self.name}: the run did not end")
            work.cancel()
        finally:
            events.cancel()
            await asyncio.gather(work, events, return_exceptions=True)
            self.store.is_dead = False
        if not network.is_dead:
            self._require_end(work)
        await client.aclose()

    def _open_client(self, network: Network) -> AsyncBluma:
        world = self.world
        base_url = f"{world.base_url[:-7]}-{self.name}{self._lives}/api/v1"  # memory of its own
        options: Dict[str, Any] = {**self.plan.options, "exclusive": self.plan.is_exclusive}
        client = AsyncBluma(LIVE_KEY, base_url=base_url, transport=network, clock=world.clock(), **options)
        client._session.shared.certainty = world.policy
        return client

    def _open_batch(self, client: AsyncBluma) -> Batch:
        options = BatchOptions.checked(
            Path("journal"), None, concurrency=self.plan.concurrency, max_credits=None, on_error="collect",
            poll_interval=5.0, timeout=3600.0, on_change=None,
        )  # fmt: skip

        async def open_store(*, to_write: bool) -> MemoryJobStore:
            return self.store

        return Batch(options, BatchApi(client._session, client._hub), open_store)

    async def _kill_soon(self, work: asyncio.Task[None], network: Network) -> None:
        """Kill the process after up to a minute, unless it has ended by then."""
        self._kills -= 1
        await asyncio.wait([work], timeout=self.world.chance.uniform(0.0, 60.0))
        if not work.done():
            self.world.trace(f"{self.name}.{self._lives} is killed")
            self.world.kills += 1
            network.is_dead = self.store.is_dead = True
            work.cancel()

    def _require_end(self, work: asyncio.Future[None]) -> None:
        error = None if work.cancelled() else work.exception()
        self.world.trace(f"{self.name}.{self._lives} ended: {error!r}")
        if error is not None and not isinstance(error, BlumaError):
            self.problems.append(f"{self.name}: the run ended with {error!r}")

    async def _consume(self, batch: Batch) -> None:
        async for result in batch.run(self.jobs):
            self.world.trace(f"{result.key}: {result.state} {result.video_id or ''} {result.error or ''}")
        if batch.stopped is not None:
            self.world.trace(f"{self.name} stopped: {batch.stopped}")

    async def _send_events(self, client: AsyncBluma) -> None:
        """Deliver the events of videos as the plan says."""
        told: Dict[str, int] = {}
        delay = {"early": 0.5, "late": 30.0, "twice": 1.0}.get(self.plan.webhooks)
        while delay is not None:
            await asyncio.sleep(delay)
            for video in self.world.api.videos:
                wanted = 2 if self.plan.webhooks == "twice" else 1
                if self.world.api.is_finished(video) and told.get(video.id, 0) < wanted:
                    told[video.id] = told.get(video.id, 0) + 1
                    client.learn(_event(video))


def _event(video: MadeVideo) -> VideoEvent:
    kind = "failed" if video.fails else "completed"
    status = VideoStatus.FAILED if video.fails else VideoStatus.COMPLETED
    data = {"id": video.id, "status": str(status), "template_id": video.template_id}
    return VideoEvent(id=f"evt_{video.id}", type=f"video.{kind}", data=data)


def _is_needless_doubt(process: BatchProcess, job: StoredJob) -> bool:
    """
    Whether a job is in doubt that the evidence of an exclusive key can always settle.

    After a kill two creates of one template can be open at once: the interrupted one, and a lost one of the new run.
    """
    conditions = process.world.conditions
    is_settleable = process.plan.is_exclusive and not process.plan.kills and not conditions.list_failures
    has_strays = conditions.create_faults and any(fate.startswith("stray") for fate in conditions.fates)
    return job.state == JobState.IN_DOUBT and is_settleable and not has_strays


async def check_batch(process: BatchProcess) -> List[str]:
    """Return every broken invariant of one journal."""
    broken = list(process.problems)
    bills: Dict[str, List[MadeVideo]] = {}
    for video in process.world.api.videos:
        bills.setdefault(video.prompt, []).append(video)
    for given in process.jobs:
        mine = [video.id for video in bills.get(given["prompt"], [])]
        job = await process.store.find(given["key"])
        if len(mine) > 1:
            broken.append(f"{given['key']} was billed {len(mine)} times: {mine}")
        wrong = _find_wrong(process, job, mine)
        broken += [f"{given['key']} {wrong}"] if wrong else []
    return broken


def _find_wrong(process: BatchProcess, job: StoredJob | None, mine: List[str]) -> str | None:
    """Return what is wrong with a job that was billed for these videos; None if nothing is."""
    if job is None:
        return f"was billed for {mine}, and is not in the journal" if mine else None
    if job.video_id is not None and job.video_id not in mine:
        return f"is {job.state} with {job.video_id}, its own is {mine}"
    if mine and job.state == JobState.PLANNED:
        return f"was billed for {mine}, and the journal does not know"
    if mine and job.state == JobState.FAILED and not process.world.api.has_failed(mine[0]):
        return f"was billed for {mine}, which is whole, and failed: {job.error}"
    if _is_needless_doubt(process, job):
        return f"is in doubt although the key is exclusive and the list readable: {job.error}"
    return None
