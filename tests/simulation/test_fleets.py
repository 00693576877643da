"""Seeds of simulated fleets, and the mutants of their rules that the simulation must catch."""

from __future__ import annotations

from typing import Dict, List

import pytest

from tests.simulation.fleet_mutants import FLEET_MUTANTS
from tests.simulation.fleet_runs import run_fleet_seed

SHARD = 5  # seeds
FOUND = {
    190: "a create that was left to other processes was a rival of all later ones",
    6627: "a create whose announcement was repeated after its takeover had two intents of one key",
    31947: "a stray answer had a video that another process had recorded for another job",
    773: "all workers of a run waited for a turn, and none was free to report that its create could not be settled",
}
# Found by `python -m tests.simulation --fleets --mutants 600`.
PINNED: Dict[str, int] = {
    "any process moves any job": 281,
    "templates have no turns among processes": 34,
    "an announcement is never too old": 4,
    "an attempt is sent without a check": 4,
    "an open create expires": 0,
    "an open create is settled at once": 363,
    "the videos of other processes are unknown": 190,
    "an answer is believed": 12,
    "jobs stay with dead processes": 1,
    "the engine loses nothing": 7,
    "the store's answers are never lost": 1,
    "a run without files waits for files": 0,
}


@pytest.mark.timeout(60)  # of a machine that is busy with other things
@pytest.mark.parametrize("shard", range(12))
def test_a_fleet_pays_once_and_loses_nothing(shard: int) -> None:
    """Each seed is one run of 2 to 5 workers; a broken invariant prints the command that replays it."""
    broken: List[str] = []
    for seed in range(shard * SHARD, (shard + 1) * SHARD):
        broken += [f"python -m tests.simulation --fleets {seed}: {line}" for line in run_fleet_seed(seed).broken]

    assert broken == []


@pytest.mark.parametrize("seed", FOUND)
def test_a_seed_of_a_fleet_that_found_a_defect_is_clean(seed: int) -> None:
    """`FOUND` says what each has found."""
    assert run_fleet_seed(seed).broken == []


@pytest.mark.timeout(60)  # of a machine that is busy with other things
@pytest.mark.parametrize("name", PINNED)
def test_the_simulation_finds_a_weakened_rule_of_fleets(name: str) -> None:
    """The same seed is clean with the real rules."""
    seed = PINNED[name]

    assert run_fleet_seed(seed, FLEET_MUTANTS[name]).broken != []
    assert run_fleet_seed(seed).broken == []


@pytest.mark.parametrize("seed", [3, 4])
def test_a_seed_of_a_fleet_is_one_run(seed: int) -> None:
    """The same seed gives the same trace, so that a failure can be replayed."""
    first, second = (run_fleet_seed(seed, is_traced=True).lines for _ in range(2))

    assert [line[:9] for line in first] == [line[:9] for line in second]
