"""`python -m tests.simulation SEED` replays one run with its trace; `FIRST LAST` runs many and counts."""

from __future__ import annotations

import sys
import time

from tests.simulation.runs import run_seed


def replay(seed: int) -> int:
    """Print the trace of one run, and what it broke."""
    report = run_seed(seed, is_traced=True)
    sys.stdout.write("".join(f"{line}\n" for line in report.lines))
    sys.stdout.write("".join(f"BROKEN: {line}\n" for line in report.broken) or "nothing was broken\n")
    return 1 if report.broken else 0


def many(first: int, last: int) -> int:
    """Run seeds, print what they broke and what they contained."""
    began, creates, faults, strangers, failed = time.perf_counter(), 0, 0, 0, 0
    for seed in range(first, last):
        report = run_seed(seed)
        creates, faults, strangers = creates + report.creates, faults + report.faults, strangers + report.strangers
        failed += bool(report.broken)
        if report.broken and failed <= 10:
            sys.stdout.write(f"seed {seed}: {report.broken[0]}\n")
    took = time.perf_counter() - began
    runs = last - first
    sys.stdout.write(
        f"{runs} runs in {took:.1f} s ({runs * 60 / took:.0f} a minute): {creates} creates, {faults} faults, "
    )
    sys.stdout.write(f"{strangers} of strangers; {failed} runs broke an invariant\n")
    return 1 if failed else 0


if __name__ == "__main__":
    arguments = [int(argument) for argument in sys.argv[1:]]
    sys.exit(replay(*arguments) if len(arguments) == 1 else many(*arguments))
