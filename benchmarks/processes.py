"""New processes, measured from their start to their end. Their bytecode is compiled, as it is by an installation."""

from __future__ import annotations

import os
import resource
import subprocess
import time
from pathlib import Path
from typing import Dict, NamedTuple

from benchmarks.measure import Cost

ROOT = Path(__file__).resolve().parent.parent
HIDDEN = {"PYTHONPATH", "PYTHONDONTWRITEBYTECODE"}


class Program(NamedTuple):
    """A program, the interpreter that runs it, and its environment."""

    python: str
    code: str
    environment: Dict[str, str]


def make_environment(folder: str) -> Dict[str, str]:
    """Return an environment whose first process compiles, into this folder, what later ones load."""
    base = {name: value for name, value in os.environ.items() if name not in HIDDEN}
    return {**base, "PYTHONPYCACHEPREFIX": str(Path(folder, "bytecode"))}


def time_process(program: Program, folder: str) -> Cost:
    """Run a program in a new process, and return the cost of the whole process."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([program.python, "-c", program.code], check=True, cwd=folder, env=program.environment)
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(cpu * 1e6, wall * 1e6)
