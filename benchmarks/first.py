"""
The first blocking call of a new process, from its start to its end, against the released bluma 1.2.0 and bare aiohttp.

Version 1.2.0 is installed from the package index into an environment in a temporary folder; without the index, its row
is left out, and the reason is printed. Bytecode is compiled before the measurement, as it is by an installation.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Dict, List, NamedTuple

from benchmarks.measure import Cost, Row, make_row
from benchmarks.responder import responding

ROOT = Path(__file__).resolve().parent.parent
RELEASED = "bluma==1.2.0"
OURS = """
from bluma import Bluma
with Bluma("bluma_test_key", {url!r}) as client:
    client.videos.get("batch_abc123xyz")
"""
THEIRS = """
from bluma import Bluma
Bluma(api_key="bluma_test_key", base_url={url!r}).videos.get("batch_abc123xyz")
"""
BARE = """
import asyncio, aiohttp
async def main():
    async with aiohttp.ClientSession() as session, session.get({url!r} + "/videos/batch_abc123xyz") as response:
        await response.json()
asyncio.run(main())
"""


class Program(NamedTuple):
    """A program, the interpreter that runs it, and its environment."""

    python: str
    code: str
    environment: Dict[str, str]


def time_process(program: Program, folder: str) -> Cost:
    """Run a program in a new process, and return the cost of the whole process."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([program.python, "-c", program.code], check=True, cwd=folder, env=program.environment)
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(cpu * 1e6, wall * 1e6)


def install_released(folder: str) -> str | None:
    """Return the interpreter of a new environment with the released version, or None if it cannot be installed."""
    python = str(Path(folder, "released", "bin", "python"))
    try:
        for command in ([sys.executable, "-m", "venv", "released"], [python, "-m", "pip", "install", "-q", RELEASED]):
            subprocess.run(command, check=True, cwd=folder, capture_output=True, text=True, timeout=300)
    except (OSError, subprocess.SubprocessError) as problem:
        said = str(getattr(problem, "stderr", None) or problem).strip().splitlines()
        print(f"{RELEASED} is not compared: it cannot be installed ({said[-1] if said else 'no reason was given'})")
        return None
    return python


def list_programs(url: str, folder: str) -> Dict[str, Program]:
    hidden = {"PYTHONPATH", "PYTHONDONTWRITEBYTECODE"}
    base = {name: value for name, value in os.environ.items() if name not in hidden}
    base["PYTHONPYCACHEPREFIX"] = str(Path(folder, "bytecode"))
    programs = {
        "ours": Program(sys.executable, OURS.format(url=url), {**base, "PYTHONPATH": str(ROOT)}),
        "aiohttp": Program(sys.executable, BARE.format(url=url), base),
    }
    released = install_released(folder)
    if released is not None:
        programs["bluma 1.2.0"] = Program(released, THEIRS.format(url=url), base)
    return programs


def run(rounds: int) -> List[Row]:
    with responding() as url, tempfile.TemporaryDirectory() as folder:
        programs = list_programs(url, folder)
        for program in programs.values():
            time_process(program, folder)
        costs = [{name: time_process(program, folder) for name, program in programs.items()} for _ in range(rounds)]
    limits = {"bluma 1.2.0": 1.0, "aiohttp": float("nan")}
    rows: List[Row] = []
    for name in sorted(limits.keys() & programs.keys()):
        pairs = [[each[name], each["ours"]] for each in costs]
        rows.append(make_row(f"a process with one blocking get (against {name})", pairs, limits[name]))
    return rows
