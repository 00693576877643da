"""One seed, one run: draw, run, check."""

from __future__ import annotations

import asyncio
import random
from typing import Any, Awaitable, Coroutine, List

import attrs

from bluma_async._wire.certainty import CertaintyPolicy
from tests.simulation import batches, singles
from tests.simulation.conditions import Conditions, draw_conditions
from tests.simulation.virtual import run_virtually
from tests.simulation.world import World

DESIGNED = CertaintyPolicy()
LONGEST = 6 * 3600.0  # virtual seconds; every call and wait has ended long before


@attrs.frozen
class Report:
    """How one run went."""

    seed: int
    conditions: Conditions
    broken: List[str]
    creates: int
    faults: int
    strangers: int
    kills: int
    lines: List[str]


def run_seed(
    seed: int, policy: CertaintyPolicy = DESIGNED, *, is_traced: bool = False, is_beyond: bool = False
) -> Report:
    """Run one seed under a policy, and return what was broken."""
    chance = random.Random(seed)
    conditions = draw_conditions(chance, is_beyond=is_beyond)
    world = World(seed, conditions, policy, is_traced=is_traced)
    has_strangers = conditions.strangers > 0
    work: Coroutine[Any, Any, List[str]]
    if seed % 2:
        plan = batches.draw_batch_plan(chance, has_strangers=has_strangers)
        work = _run_batches(world, plan)
    else:
        work = _run_singles(world, singles.draw_plan(chance, has_strangers=has_strangers))
    world.trace(f"{conditions}")
    broken = run_virtually(world.loop, work)
    broken += [f"a task failed unseen: {failure}" for failure in world.loop.failures]
    return Report(seed, conditions, broken, world.creates, world.faults, world.strangers, world.kills, world.lines)


async def _run_singles(world: World, plan: singles.Plan) -> List[str]:
    world.trace(f"{plan}")
    user = singles.Singles(world, plan)
    if not await run_bounded(world, user.run()):
        return ["the run did not end"]
    broken = singles.check(user, world.api)
    await user.client.aclose()
    return broken


async def _run_batches(world: World, plan: batches.BatchPlan) -> List[str]:
    world.trace(f"{plan}")
    processes = [batches.BatchProcess(world, name, plan) for name in "AB"[: plan.processes]]
    if not await run_bounded(world, asyncio.gather(*(process.run() for process in processes))):
        return ["the run did not end"]
    return [line for process in processes for line in await batches.check_batch(process)]


async def run_bounded(world: World, work: Awaitable[Any]) -> bool:
    """Do some work beside the strangers; return whether it ended within its bound."""
    strangers = [asyncio.ensure_future(world.estrange())] if world.conditions.strangers else []
    try:
        await asyncio.wait_for(work, LONGEST)
    except asyncio.TimeoutError:
        return False
    finally:
        for task in strangers:
            task.cancel()
        await asyncio.gather(*strangers, return_exceptions=True)
    return True
