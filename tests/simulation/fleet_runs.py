"""One seed, one fleet: draw, run, check."""

from __future__ import annotations

import random
from typing import Dict, List, Type

import attrs

from tests.simulation.conditions import Conditions, draw_conditions
from tests.simulation.fleet_checks import check_fleet
from tests.simulation.fleet_store import MemberStore
from tests.simulation.fleets import Fleet, FleetPlan, draw_fleet_plan
from tests.simulation.runs import DESIGNED, run_bounded
from tests.simulation.virtual import run_virtually
from tests.simulation.world import World

OFFSET = 1_000_003  # seeds of fleets draw other numbers than those of single processes


@attrs.frozen
class FleetReport:
    """How one run went."""

    seed: int
    conditions: Conditions
    plan: FleetPlan
    broken: List[str]
    counts: Dict[str, int]
    lines: List[str]


def run_fleet_seed(seed: int, store_class: Type[MemberStore] = MemberStore, *, is_traced: bool = False) -> FleetReport:
    """Run one seed on a kind of store, and return what was broken."""
    chance = random.Random(seed + OFFSET)
    conditions = draw_conditions(chance)
    plan = draw_fleet_plan(chance, conditions)
    world = World(seed + OFFSET, conditions, DESIGNED, is_traced=is_traced)
    world.trace(f"{conditions}")
    world.trace(f"{plan}")
    fleet = Fleet(world, plan, store_class)
    broken = run_virtually(world.loop, _run(world, fleet))
    broken += [f"a task failed unseen: {failure}" for failure in world.loop.failures]
    return FleetReport(seed, conditions, plan, broken, _count(world, fleet), world.lines)


async def _run(world: World, fleet: Fleet) -> List[str]:
    has_ended = await run_bounded(world, fleet.run())
    broken = check_fleet(fleet)
    return broken if has_ended else ["the run did not end", *broken]


def _count(world: World, fleet: Fleet) -> Dict[str, int]:
    """Count what the run contained."""
    workers = fleet.workers
    return {
        "creates": world.creates,
        "faults": world.faults,
        "strangers": world.strangers,
        "kills": sum(worker.kills for worker in workers),
        "freezes": sum(worker.freezes for worker in workers),
        "cuts": sum(worker.cuts for worker in workers),
        "takeovers": sum(intent.epoch != intent.made_by for intent in fleet.memory.intents),
        "strays": len(fleet.memory.strays),
        "lost messages": fleet.broker.lost_count,
        "repeated messages": fleet.broker.repeated_count,
    }
