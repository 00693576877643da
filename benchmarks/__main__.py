"""`python -m benchmarks [--rounds N]` prints the table."""

from __future__ import annotations

import argparse
import platform
from typing import TYPE_CHECKING, Sequence

from benchmarks import blocking, gets, imports

if TYPE_CHECKING:
    from benchmarks.measure import Row


def show(rows: Sequence[Row]) -> None:
    print(f"{'':58}{'baseline us':>13}{'ours us':>11}{'CPU ratio':>11}{'wall ratio':>12}{'limit':>8}")
    for row in rows:
        limit = "" if row.limit != row.limit else f"{row.limit:.2f}"
        print(
            f"{row.what:58}{row.baseline.cpu:13.0f}{row.ours.cpu:11.0f}{row.ratio.cpu:11.2f}{row.ratio.wall:12.2f}{limit:>8}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    print(f"Python {platform.python_version()}, medians over {rounds} rounds\n")
    show([*gets.run(rounds), *blocking.run(rounds), *imports.run(rounds)])
    print(f"\n{blocking.report()}")
    from benchmarks import budget, bulk, durable, files, rendering, scale  # noqa: PLC0415 - what it loads would slow every collection of garbage above

    print("\nAt scale")
    for lines in (scale.report(rounds), budget.report(), bulk.report(), files.report(rounds), durable.report()):
        for line in lines:
            print("  " + line)
    print("\nSandbox rendering")
    for line in rendering.report():
        print("  " + line)


if __name__ == "__main__":
    main()
