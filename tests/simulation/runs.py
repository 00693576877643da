"""One seed, one run: draw, run, check."""

from __future__ import annotations

import asyncio
import random
from typing import List

import attrs

from tests.simulation import singles
from tests.simulation.conditions import Conditions, draw_conditions
from tests.simulation.virtual import run_virtually
from tests.simulation.world import World

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
    lines: List[str]


def run_seed(seed: int, *, is_traced: bool = False) -> Report:
    """Run one seed, and return what was broken."""
    chance = random.Random(seed)
    conditions = draw_conditions(chance)
    world = World(seed, conditions, is_traced=is_traced)
    plan = singles.draw_plan(chance, has_strangers=conditions.strangers > 0)
    world.trace(f"{conditions}")
    world.trace(f"{plan}")
    broken = run_virtually(world.loop, _run(world, plan))
    broken += [f"a task failed unseen: {failure}" for failure in world.loop.failures]
    return Report(seed, conditions, broken, world.creates, world.faults, world.strangers, world.lines)


async def _run(world: World, plan: singles.Plan) -> List[str]:
    user = singles.Singles(world, plan)
    strangers = [asyncio.ensure_future(world.estrange())] if world.conditions.strangers else []
    try:
        await asyncio.wait_for(user.run(), LONGEST)
    except asyncio.TimeoutError:
        return ["the run did not end"]
    finally:
        for task in strangers:
            task.cancel()
        await asyncio.gather(*strangers, return_exceptions=True)
    broken = singles.check(user, world.api)
    await user.client.aclose()
    return broken
