"""Seeds of the simulation within its designed bounds, and the mutants that it must catch."""

from __future__ import annotations

from typing import List

import pytest

from tests.simulation.mutants import MUTANTS
from tests.simulation.runs import run_seed
from tests.simulation.virtual import DeadlockError, VirtualLoop, run_virtually

SHARD = 50  # seeds
FOUND = [2385, 58351]  # seeds that found a defect, outside of the shards
# Found by `python -m tests.simulation --mutants 4000`.
PINNED = {
    "an early search is proof": 18,
    "a list that cannot be read is proof": 38,
    "the first page is the whole list": 279,
    "the clocks are trusted": 4,
    "the only candidate is adopted": 1,
    "a stray answer is an answer": 4,
    "a read that lags ends a wait": 1,
    "a batch creates without turns": 223,
}


@pytest.mark.parametrize("shard", range(12))
def test_nothing_is_paid_twice_lost_or_mistaken(shard: int) -> None:
    """Each seed is one run; a broken invariant prints the command that replays it."""
    broken: List[str] = []
    for seed in range(shard * SHARD, (shard + 1) * SHARD):
        broken += [f"python -m tests.simulation {seed}: {line}" for line in run_seed(seed).broken]

    assert broken == []


@pytest.mark.parametrize("seed", FOUND)
def test_a_seed_that_found_a_defect_is_clean(seed: int) -> None:
    """
    The process restarted before the video could be read, and the job failed with 404.

    58351: the create was answered by a retry. 2385: the journal's time of the create was that of an older video.
    """
    assert run_seed(seed).broken == []


@pytest.mark.parametrize("name", MUTANTS)
def test_the_simulation_finds_a_weakened_rule(name: str) -> None:
    """A simulation that cannot find a known defect is worth nothing: the same seed is clean with the real rules."""
    seed = PINNED[name]

    assert run_seed(seed, MUTANTS[name]).broken != []
    assert run_seed(seed).broken == []


@pytest.mark.parametrize("seed", [2, 3])
def test_a_seed_is_one_run(seed: int) -> None:
    """The same seed gives the same trace, so that a failure can be replayed."""
    first, second = (run_seed(seed, is_traced=True).lines for _ in range(2))

    assert [line[:9] for line in first] == [line[:9] for line in second]


def test_a_deadlock_is_an_error() -> None:
    """In virtual time nothing hangs: if every task waits for ever, the loop says so."""
    loop = VirtualLoop()

    with pytest.raises(DeadlockError):
        loop.run_until_complete(loop.create_future())
    run_virtually(loop, _nothing())


async def _nothing() -> None:
    return None
