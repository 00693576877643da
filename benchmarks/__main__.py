"""
Run the benchmarks, and print their figures.

    python -m benchmarks                            every part; takes several minutes
    python -m benchmarks gets imports               these parts only
    python -m benchmarks gets --rounds 5            fewer rounds: faster, and less exact

Parts whose figures are ratios against a baseline, in one table:

    gets        videos.get against raw aiohttp
    blocking    the blocking videos.get against httpx and requests; the hop to the event loop against anyio's portal
    imports     the import of the SDK against the import of aiohttp
    first       a process with one blocking call against bluma 1.2.0, which it installs, and against aiohttp
    checks      the check of a context against its schema, against videos.get
    durability  a batch against loops without a journal (limit of the CPU ratio; that of the wall ratio is 1.2)

Parts that print lines:

    scale       lost answers, 10,000 waits, creates at 100 in flight
    budget      500 jobs under 1,000 requests an hour
    bulk        1,000 waits with UmamiAI
    files       downloads that are cut; the speed of a download
    planning    a plan of 200,000 rows against reading their CSV file
    durable     a batch that is killed twenty times (takes minutes)
    fleet       planning and claiming in PostgreSQL; four processes that are killed, frozen and cut off (takes minutes)
    shared      clients that share a database: requests of 8 processes against one, webhooks, a poller that is killed
    rendering   renders of the sandbox
    page        frames of the sandbox's page in Chromium, with 500 videos

To compare two versions, run the same parts in a worktree of each, one after the other, on an idle machine. A ratio
compares two ways of one run, so it varies less than the times do; differences of a few percent are still noise.
"""

from __future__ import annotations

import argparse
import platform
from importlib import import_module
from typing import TYPE_CHECKING, Any, List, Sequence

if TYPE_CHECKING:
    from benchmarks.measure import Row

TABLE = ("gets", "blocking", "imports", "first", "checks", "durability")
LINES = ("scale", "budget", "bulk", "files", "planning", "durable", "fleet", "shared", "rendering", "page")
TAKES_ROUNDS = {"scale", "files"}


def print_table(rows: Sequence[Row]) -> None:
    print(f"{'':58}{'baseline us':>13}{'ours us':>11}{'CPU ratio':>11}{'wall ratio':>12}{'limit':>8}")
    for row in rows:
        limit = "" if row.limit != row.limit else f"{row.limit:.2f}"
        times = f"{row.baseline.cpu:13.0f}{row.ours.cpu:11.0f}"
        print(f"{row.name:58}{times}{row.ratio.cpu:11.2f}{row.ratio.wall:12.2f}{limit:>8}")


def load(part: str) -> Any:
    """Import a part when it runs: modules of other parts would slow its garbage collections."""
    return import_module(f"benchmarks.{part}")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join((*TABLE, *LINES))}; default: all")
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    unknown = sorted({*options.parts} - {*TABLE, *LINES})
    if unknown:
        parser.error(f"there is no part {', '.join(unknown)}; there are {', '.join((*TABLE, *LINES))}")
    wanted: List[str] = [part for part in (*TABLE, *LINES) if part in options.parts or not options.parts]
    print(f"Python {platform.python_version()}, medians over {options.rounds} rounds")
    rows = [row for part in wanted if part in TABLE for row in load(part).run(options.rounds)]
    if rows:
        print()
        print_table(rows)
    if "blocking" in wanted:
        print(f"\n{load('blocking').report()}")
    for part in wanted:
        if part in LINES:
            print(f"\n{part}", flush=True)
            for line in load(part).report(options.rounds) if part in TAKES_ROUNDS else load(part).report():
                print(f"  {line}", flush=True)


if __name__ == "__main__":
    main()
