"""A test run that hangs ends: its tests cannot keep it, whatever they wait for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

RUN = """
import os, sys
import pytest
from tests import watchdog
watchdog.GRACE = 1
os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # the import of some plugins takes a second
options = "-p tests.watchdog -p pytest_timeout -p no:cacheprovider --timeout 1 -W ignore"
sys.exit(pytest.main([*options.split(), sys.argv[1]]))
"""
POOL = """
import threading
from concurrent.futures import ThreadPoolExecutor

def test_it():
    with ThreadPoolExecutor(1) as pool:  # its end waits for the thread, after the limit of the test
        pool.submit(threading.Event().wait).result()
"""
FIXTURE = """
import pytest, threading

@pytest.fixture
def stubborn():
    yield
    while True:
        try:
            threading.Event().wait()
        except BaseException:
            pass

def test_it(stubborn):
    assert False
"""
THREAD = """
import threading

def test_it():
    threading.Thread(target=threading.Event().wait, name="left").start()
"""


@pytest.mark.timeout(90)  # a busy machine needs many seconds to start pytest
@pytest.mark.parametrize("hanging", [POOL, FIXTURE, THREAD], ids=["in a test", "in a fixture", "after the tests"])
def test_a_run_that_hangs_ends(hanging: str, tmp_path: Path) -> None:
    """It shows where its threads are, and fails."""
    file = tmp_path / "test_hanging.py"
    file.write_text(hanging)

    command = [sys.executable, "-c", RUN, str(file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == 1
    assert "Timeout (0:00:0" in done.stderr
    assert "threading.py" in done.stderr
