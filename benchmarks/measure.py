"""Two ways of doing one thing, by turns, so that a noisy machine is noisy for both."""

from __future__ import annotations

import statistics
import time
from typing import Awaitable, Callable, List, NamedTuple, Sequence

Work = Callable[[], Awaitable[None]]


class Cost(NamedTuple):
    cpu: float
    wall: float


class Row(NamedTuple):
    """One line of the table: medians over the rounds, times in microseconds for one operation."""

    what: str
    baseline: Cost
    ours: Cost
    ratio: Cost
    limit: float


async def cost_of(work: Work, operations: int) -> Cost:
    cpu, wall = time.process_time(), time.perf_counter()
    await work()
    return Cost(
        (time.process_time() - cpu) / operations * 1e6,
        (time.perf_counter() - wall) / operations * 1e6,
    )


async def compare(what: str, baseline: Work, ours: Work, operations: int, rounds: int, limit: float) -> Row:
    await baseline()
    await ours()
    pairs: List[Sequence[Cost]] = [
        (await cost_of(baseline, operations), await cost_of(ours, operations)) for _ in range(rounds)
    ]
    return row_of(what, pairs, limit)


def row_of(what: str, pairs: Sequence[Sequence[Cost]], limit: float) -> Row:
    base, own = ([pair[side] for pair in pairs] for side in (0, 1))
    ratios = [Cost(mine.cpu / theirs.cpu, mine.wall / theirs.wall) for theirs, mine in pairs]
    return Row(what, median(base), median(own), median(ratios), limit)


def median(costs: Sequence[Cost]) -> Cost:
    return Cost(statistics.median(cost.cpu for cost in costs), statistics.median(cost.wall for cost in costs))
