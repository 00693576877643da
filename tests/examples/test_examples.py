"""The programs of `examples/` test themselves with the kit, by the commands in their own docstrings."""

from __future__ import annotations

import ast
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import List

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
EXAMPLES = ROOT / "examples"
OTHERS = {"__pycache__", "pytest.ini", "fleet", "notebook.ipynb"}  # test_fleet.py and test_notebook.py run the last two
NAMES = sorted(path.name for path in EXAMPLES.iterdir() if path.name not in OTHERS and path.name[0] != ".")
COMMAND = re.compile(r"`python ([^`]*examples/[^`]*)`")
MOST_SECONDS = 10.0  # of the processor: on a busy machine, the same work takes up to twice as much of it
NO_TESTS = 5  # the exit code of pytest if nothing was run


def find_command(name: str) -> List[str]:
    """Return the arguments of Python in the first command that the docstring of an example names."""
    path = EXAMPLES / name
    file = path / "test_app.py" if path.is_dir() else path
    found = COMMAND.search(ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or "")
    assert found is not None, f"The docstring of {file} must name the command that runs its tests."
    assert found[1].endswith(f"examples/{name}")
    return shlex.split(found[1])


def measure_children() -> float:
    """Return the seconds of the processor that ended children of this process have used."""
    times = os.times()
    return times.children_user + times.children_system


@pytest.fixture(scope="module")
def startup() -> float:
    """Give the seconds that pytest and the plugins of this environment need without any test."""
    before = measure_children()
    _run(["-m", "pytest", "--collect-only", "examples/plain_script.py"])
    return measure_children() - before


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.timeout(120)  # of a machine that is busy with other things; the processor's time is checked
def test_an_example_passes_its_own_tests(name: str, startup: float) -> None:
    """In seconds, with all plugins of pytest that are installed; where a framework is missing, it says so."""
    before = measure_children()
    done = _run(find_command(name))
    seconds = measure_children() - before

    skipped = re.search(r"SKIPPED .*", done.stdout)
    if done.returncode == NO_TESTS and skipped:
        pytest.skip(skipped[0])
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"\d+ passed|each billed once", done.stdout)
    assert seconds - startup < MOST_SECONDS


def test_no_example_sleeps() -> None:
    """Neither the programs nor their tests."""
    paths = list(EXAMPLES.rglob("*.py"))

    assert paths
    for path in paths:
        assert not re.search(r"\bsleep\(", path.read_text(encoding="utf-8")), path


def _run(command: List[str]) -> subprocess.CompletedProcess[str]:
    """Run Python as a user does: without the variables of the pytest that runs this test."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    return subprocess.run(
        [sys.executable, *command], cwd=ROOT, check=False, capture_output=True, text=True,
        env={**environment, "PYTHONPATH": str(ROOT)},  # the packages of this checkout
    )  # fmt: skip
