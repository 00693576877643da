"""
Replay one run, or count many.

    python -m tests.simulation SEED                   one run, with its trace
    python -m tests.simulation FIRST LAST             many runs, within the designed bounds; fails if any breaks
    python -m tests.simulation --beyond FIRST LAST    slower servers and clocks that are minutes apart: counts
    python -m tests.simulation --mutants SEEDS        search for a seed of each mutant, up to so many
    python -m tests.simulation --fleets ...           fleets of workers: SEED, FIRST LAST, or --mutants SEEDS
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from typing import Callable, List

from tests.simulation.conditions import MOST_SKEW, name_kinds
from tests.simulation.fleet_mutants import FLEET_MUTANTS
from tests.simulation.fleet_runs import FleetReport, run_fleet_seed
from tests.simulation.mutants import MUTANTS
from tests.simulation.runs import run_seed

MOST_SHOWN = 10  # broken runs


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def replay(seed: int, *, is_beyond: bool) -> int:
    """Print the trace of one run, and everything that it broke."""
    report = run_seed(seed, is_traced=True, is_beyond=is_beyond)
    for line in [*report.lines, *(f"BROKEN: {line}" for line in report.broken)]:
        say(line)
    return 1 if report.broken else 0


def count(first: int, last: int, *, is_beyond: bool) -> int:
    """Run seeds; print the broken runs, and everything that the runs contained."""
    began, totals, kinds, failed = time.perf_counter(), Counter[str](), Counter[str](), 0
    for seed in range(first, last):
        report = run_seed(seed, is_beyond=is_beyond)
        totals.update(creates=report.creates, faults=report.faults, kills=report.kills, strangers=report.strangers)
        kinds.update(name_kinds(report.conditions))
        failed += bool(report.broken)
        if report.broken and failed <= MOST_SHOWN:
            say(f"python -m tests.simulation {'--beyond ' if is_beyond else ''}{seed}: {report.broken[0]}")
    took = time.perf_counter() - began
    say(f"{last - first} runs in {took:.1f} s, {(last - first) * 60 / took:.0f} a minute; {failed} broke an invariant")
    say(", ".join(f"{number} {name}" for name, number in totals.items()))
    say("runs with " + ", ".join(f"{name}: {number}" for name, number in kinds.most_common()))
    return 1 if failed and not is_beyond else 0


def search_mutants(seeds: int) -> int:
    """Find the first seed that catches each mutant; fail if one is not caught."""
    missed = 0
    for name, policy in MUTANTS.items():
        caught = (seed for seed in range(seeds) if run_seed(seed, policy).broken)
        seed = next(caught, None)
        missed += seed is None
        say(f"{name}: {'not found' if seed is None else seed}")
    return 1 if missed else 0


def replay_fleet(seed: int) -> int:
    """Print the trace of one run of a fleet, and everything that it broke."""
    report = run_fleet_seed(seed, is_traced=True)
    for line in [*report.lines, *(f"BROKEN: {line}" for line in report.broken)]:
        say(line)
    return 1 if report.broken else 0


def count_fleets(first: int, last: int) -> int:
    """Run seeds of fleets; print the broken runs, and everything that the runs contained."""
    began, totals, kinds, failed = time.perf_counter(), Counter[str](), Counter[str](), 0
    for seed in range(first, last):
        report = run_fleet_seed(seed)
        totals.update(report.counts)
        kinds.update(name_fleet_kinds(report))
        failed += bool(report.broken)
        if report.broken and failed <= MOST_SHOWN:
            say(f"python -m tests.simulation --fleets {seed}: {report.broken[0]}")
    took = time.perf_counter() - began
    say(f"{last - first} runs in {took:.1f} s, {(last - first) * 60 / took:.0f} a minute; {failed} broke an invariant")
    say(", ".join(f"{number} {name}" for name, number in totals.items()))
    say("runs with " + ", ".join(f"{name}: {number}" for name, number in kinds.most_common()))
    return 1 if failed else 0


def name_fleet_kinds(report: FleetReport) -> List[str]:
    """Return the kinds of trouble that a run of a fleet had."""
    plan, counts = report.plan, report.counts
    kinds = {
        "tasks of an engine": plan.has_engine,
        "batches that share": not plan.has_engine,
        "an exclusive key": plan.is_exclusive,
        "clocks apart": max(plan.ahead) - min(plan.ahead) > MOST_SKEW,
        "lost answers of the store": plan.lost_answers > 0,
        **{name: counts[name] > 0 for name in ("kills", "freezes", "cuts", "takeovers", "lost messages")},
    }
    return [*name_kinds(report.conditions), *(kind for kind, is_there in kinds.items() if is_there)]


def search_fleet_mutants(seeds: int) -> int:
    """Find the first seed that catches each mutant of the fleet's rules; fail if one is not caught."""
    missed = 0
    for name, store in FLEET_MUTANTS.items():
        seed = next((seed for seed in range(seeds) if run_fleet_seed(seed, store).broken), None)
        missed += seed is None
        say(f"{name}: {'not found' if seed is None else seed}")
    return 1 if missed else 0


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--beyond", action="store_true")
    parser.add_argument("--mutants", action="store_true")
    parser.add_argument("--fleets", action="store_true")
    parser.add_argument("seeds", type=int, nargs="+")
    arguments = parser.parse_args()
    if arguments.fleets:
        single = search_fleet_mutants if arguments.mutants else replay_fleet
        return (single if len(arguments.seeds) == 1 else count_fleets)(*arguments.seeds)
    if arguments.mutants:
        return search_mutants(arguments.seeds[0])
    run: Callable[..., int] = replay if len(arguments.seeds) == 1 else count
    return run(*arguments.seeds, is_beyond=arguments.beyond)


if __name__ == "__main__":
    sys.exit(main())
