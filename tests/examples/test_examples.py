"""The programs of `examples/` test themselves with the kit."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import List

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
EXAMPLES = ROOT / "examples"
PYTEST = ["-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider"]
COMMANDS = {
    **{path.name: [*PYTEST, str(path)] for path in sorted(EXAMPLES.glob("*_app.py"))},
    **{name: [*PYTEST, str(EXAMPLES / name)] for name in ("agent_session.py", "gather_script.py", "pandas_batch.py")},
    "shop": [*PYTEST, str(EXAMPLES / "shop")],
    "plain_script.py": [str(EXAMPLES / "plain_script.py")],
}
MOST_SECONDS = 5.0  # of the processor, because other programs may keep the machine busy
NO_TESTS = 5  # the exit code of pytest if nothing was run


def measure_children() -> float:
    """Return the seconds of the processor that ended children of this process have used."""
    times = os.times()
    return times.children_user + times.children_system


def test_every_example_is_run() -> None:
    """A new file has a command here."""
    # The fleet is a deployment, and test_notebook.py runs the notebook.
    others = {"__pycache__", "pytest.ini", "fleet", "notebook.ipynb"}
    names = {path.name for path in EXAMPLES.iterdir() if path.name not in others}

    assert names == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.timeout(120)  # of a machine that is busy with other things; the processor's time is checked
def test_an_example_passes_its_own_tests(name: str) -> None:
    """In five seconds, without sleeping; where a framework has no release for this Python, it says so."""
    before = measure_children()
    done = _run(COMMANDS[name])
    seconds = measure_children() - before

    skipped = re.search(r"SKIPPED .*", done.stdout)
    if done.returncode == NO_TESTS and skipped:
        pytest.skip(skipped[0])
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"\d+ passed|each billed once", done.stdout)
    assert seconds < MOST_SECONDS


def test_no_example_sleeps() -> None:
    """Neither the programs nor their tests."""
    paths = list(EXAMPLES.rglob("*.py"))

    assert paths
    for path in paths:
        assert not re.search(r"\bsleep\(", path.read_text(encoding="utf-8")), path


def _run(command: List[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *command], cwd=ROOT, check=False, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},  # plugins of this project
    )  # fmt: skip
