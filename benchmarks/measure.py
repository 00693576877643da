"""Compare two ways of one operation. They run in turns, so that noise on the machine affects both alike."""

from __future__ import annotations

import statistics
import time
from typing import Awaitable, Callable, List, NamedTuple, Sequence

Work = Callable[[], Awaitable[None]]


class Cost(NamedTuple):
    """Microseconds for one operation."""

    cpu: float
    wall: float


class Row(NamedTuple):
    """One line of the table, of medians over the rounds. The ratio is ours over the baseline; `limit` is its goal."""

    name: str
    baseline: Cost
    ours: Cost
    ratio: Cost
    limit: float


async def measure_cost(work: Work, operations: int) -> Cost:
    cpu, wall = time.process_time(), time.perf_counter()
    await work()
    return Cost(
        (time.process_time() - cpu) / operations * 1e6,
        (time.perf_counter() - wall) / operations * 1e6,
    )


async def compare(name: str, baseline: Work, ours: Work, operations: int, rounds: int, limit: float) -> Row:
    await baseline()
    await ours()
    pairs: List[Sequence[Cost]] = [
        (await measure_cost(baseline, operations), await measure_cost(ours, operations)) for _ in range(rounds)
    ]
    return make_row(name, pairs, limit)


def make_row(name: str, pairs: Sequence[Sequence[Cost]], limit: float) -> Row:
    base, own = ([pair[side] for pair in pairs] for side in (0, 1))
    ratios = [Cost(mine.cpu / theirs.cpu, mine.wall / theirs.wall) for theirs, mine in pairs]
    return Row(name, take_median(base), take_median(own), take_median(ratios), limit)


def take_median(costs: Sequence[Cost]) -> Cost:
    return Cost(statistics.median(cost.cpu for cost in costs), statistics.median(cost.wall for cost in costs))
