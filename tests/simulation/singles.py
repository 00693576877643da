"""Runs of single creates: one after the other, or gathered, with interruptions, and strangers beside them."""

from __future__ import annotations

import asyncio
import random
from typing import Any, Dict, List, Optional

import attrs

from bluma_async import AsyncBluma
from bluma_async.errors import AmbiguousCreateError, BlumaError
from bluma_async.types import SettledCreate, Video
from tests.simulation.api import TEMPLATES, Api
from tests.simulation.network import Network
from tests.simulation.world import LIVE_KEY, World


@attrs.define
class Attempted:
    """One `create()` of the user's, and how it ended."""

    maker: str
    template_id: str
    video: Optional[Video] = None
    error: Optional[BaseException] = None
    began: float = 0.0
    ended: float = 0.0

    @property
    def ending(self) -> str:
        """How it ended, in a word or two."""
        return f"returned {self.video.id}" if self.video else f"raised {type(self.error).__name__}: {self.error}"


@attrs.frozen(kw_only=True)
class Plan:
    """What one seed has the user do."""

    creates: int
    is_gathered: bool
    templates: int
    options: Dict[str, Any]
    interrupted: float  # share of creates that are cancelled while they are under way
    settles: bool


def draw_plan(chance: random.Random, *, has_strangers: bool) -> Plan:
    """Draw what the user does. Nobody states that a key is exclusive while strangers use it."""
    policies = ("reconcile", "reconcile", "raise") if has_strangers else ("reconcile", "reconcile", "raise", "adopt")
    options: Dict[str, Any] = {
        "timeout": chance.choice((2.0, 10.0, 30.0)),
        "max_retries": chance.choice((0, 1, 3, 3)),
        "on_ambiguous": chance.choice(policies),
        "deadline": chance.choice((None, None, None, 20.0, 100.0)),
        "max_retry_after": chance.choice((None, 60.0)),
    }
    return Plan(
        creates=chance.randint(1, 10),
        is_gathered=chance.random() < 0.5,
        templates=chance.randint(1, len(TEMPLATES)),
        options=options,
        interrupted=chance.choice((0.0, 0.0, 0.3)),
        settles=chance.random() < 0.5,
    )


class Singles:
    """The user of one process, who creates videos one by one."""

    def __init__(self, world: World, plan: Plan) -> None:
        self.world = world
        self.plan = plan
        self.network: Network = world.network("user", Network)
        self.client = AsyncBluma(
            LIVE_KEY, base_url=world.base_url, transport=self.network, clock=world.clock(), **plan.options
        )
        self.client._session.shared.certainty = world.policy
        self.attempted: List[Attempted] = []
        self.settled: Dict[str, SettledCreate] = {}

    async def run(self) -> None:
        """Create everything that the plan wants."""
        plan = self.plan
        jobs = [self._create(number) for number in range(plan.creates)]
        if plan.is_gathered:
            await asyncio.gather(*jobs)
        else:
            for job in jobs:
                await job
        if plan.settles:
            await self._settle()

    async def _settle(self) -> None:
        self.settled = {settled.create.idempotency_key: settled for settled in await self.client.settle()}
        for key, settled in self.settled.items():
            self.world.trace(f"settled {key}: {settled.result} {settled.video.id if settled.video else ''}")

    async def _create(self, number: int) -> None:
        world, chance = self.world, self.world.chance
        made = Attempted(f"user-{number}", TEMPLATES[number % self.plan.templates], began=world.loop.seconds)
        self.attempted.append(made)
        work = asyncio.ensure_future(
            self.client.videos.create({"prompt": made.maker}, made.template_id, idempotency_key=made.maker)
        )
        if chance.random() < self.plan.interrupted:
            world.loop.call_later(chance.uniform(0.0, 3.0), work.cancel)
        try:
            made.video = await work
        except (BlumaError, asyncio.CancelledError) as error:
            made.error = error
        made.ended = world.loop.seconds
        world.trace(f"{made.maker} ({made.template_id}) {made.ending}")


def check(singles: Singles, api: Api) -> List[str]:
    """Return every broken invariant."""
    broken: List[str] = []
    opened = {create.idempotency_key for create in singles.client.open_creates}
    for made in singles.attempted:
        bills = api.bills(made.maker)
        if len(bills) > 1:
            broken.append(f"{made.maker} was billed {len(bills)} times: {[video.id for video in bills]}")
        if made.video is not None and [video.id for video in bills] != [made.video.id]:
            broken.append(f"{made.maker} returned {made.video.id}, its own is {[video.id for video in bills]}")
        if made.video is None and bills and not _is_known(made, opened, singles.settled):
            broken.append(f"{made.maker} was billed for {bills[0].id}, which nobody knows: {made.ending}")
        if made.video is None and not bills and _gave_up_too_soon(made, singles):
            broken.append(f"{made.maker} was certainly not accepted, and not sent again: {made.ending}")
        broken += _check_settled(made, singles.settled.get(made.maker), [video.id for video in bills])
    return broken


def _gave_up_too_soon(made: Attempted, singles: Singles) -> bool:
    """Whether a create that nobody accepted ended in doubt, although everything needed to prove it could be read."""
    plan, conditions = singles.plan, singles.world.conditions
    could_prove = (
        plan.options["on_ambiguous"] in {"reconcile", "adopt"}
        and plan.options["deadline"] is None
        and not plan.is_gathered
        and not plan.interrupted  # an interrupted create may explain a video as well
        and not conditions.strangers
        and not conditions.list_failures
        and plan.options["timeout"] > 4 * conditions.latency
    )
    return could_prove and isinstance(made.error, AmbiguousCreateError) and not made.error.accepted


def _check_settled(made: Attempted, settled: Optional[SettledCreate], bills: List[str]) -> List[str]:
    """Return what `settle` said and is not true."""
    if settled is None or settled.result == "in_doubt":
        return []
    said = [video_id for video_id in [settled.video.id if settled.video else settled.create.video_id] if video_id]
    return [] if said == bills else [f"{made.maker} was settled as {settled.result} {said}, and was billed {bills}"]


def _is_known(made: Attempted, opened: set[str], settled: Dict[str, SettledCreate]) -> bool:
    """Whether the caller can learn of a bill that no return value told of."""
    is_settled = made.maker in settled
    is_ambiguous = isinstance(made.error, AmbiguousCreateError) and made.error.idempotency_key == made.maker
    return made.maker in opened or is_ambiguous or is_settled
