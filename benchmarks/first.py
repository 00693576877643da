"""
The first blocking call of a new process, from its start to its end, against the released bluma 1.2.0 and bare aiohttp.

Version 1.2.0 is installed from the package index into an environment in a temporary folder; without the index, its row
is left out, and the reason is printed. Bytecode is compiled before the measurement, as it is by an installation.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Dict, List

from benchmarks.measure import Row, make_row
from benchmarks.processes import ROOT, Program, make_environment, time_process
from benchmarks.responder import responding

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
    base = make_environment(folder)
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
