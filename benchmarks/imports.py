"""
The import time of the SDK against that of aiohttp, and of `bluma --help` against that of click, in new processes.

The start of the interpreter is left out of the first, and counts in the second: a user waits for it.
"""

from __future__ import annotations

import sys
import tempfile
from functools import partial
from typing import Callable, Dict, List

from benchmarks.measure import Cost, Row, make_row
from benchmarks.processes import ROOT, Program, make_environment, time_process

STATEMENTS = ("import bluma", "from bluma import AsyncBluma", "from bluma import Bluma")
HELP = "import io, sys\nsys.argv[1:], sys.stdout = ['--help'], io.StringIO()\nfrom bluma_command import main\nmain()"
Measure = Callable[[str], Cost]


def compare_help(rounds: int, measure: Measure) -> Row:
    pairs = [[measure(code) for code in ("import click", HELP)] for _ in range(rounds)]
    return make_row("bluma --help (against python -c 'import click')", pairs, 1.2)


def compare_import(rounds: int, statement: str, measure: Measure) -> Row:
    pairs: List[List[Cost]] = []
    for _ in range(rounds):
        bare = measure("pass")
        costs = [measure(code) for code in ("import aiohttp", statement)]
        pairs.append([Cost(*(max(taken - start, 10.0) for taken, start in zip(cost, bare))) for cost in costs])
    return make_row(f"{statement} (against import aiohttp)", pairs, 0.5)


def measure_code(code: str, environment: Dict[str, str], folder: str) -> Cost:
    return time_process(Program(sys.executable, code, environment), folder)


def run(rounds: int) -> List[Row]:
    with tempfile.TemporaryDirectory() as folder:
        environment = {**make_environment(folder), "PYTHONPATH": str(ROOT)}
        measure = partial(measure_code, environment=environment, folder=folder)
        for code in ("import aiohttp, click", HELP, *STATEMENTS):
            measure(code)
        return [compare_help(rounds, measure), *(compare_import(rounds, code, measure) for code in STATEMENTS)]
