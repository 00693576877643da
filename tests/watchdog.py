"""
End a test run that hangs, and show where each of its threads is.

The limit of pytest-timeout raises an exception once, in the main thread. A test that then leaves a block which waits
for a thread, such as that of a ThreadPoolExecutor, waits forever; so does a process whose threads go on after the last
test.
"""

from __future__ import annotations

import faulthandler
import os
import sys
from typing import Any, List

import pytest

GRACE = 100.0  # seconds in which a test must end after its limit, and the process after the last test
LIMIT = pytest.StashKey[float]()
_stderr: List[int] = []  # not captured


def pytest_configure() -> None:
    """Keep the standard error: pytest captures it while tests run."""
    if not _stderr:
        _stderr.append(os.dup(2 if sys.__stderr__ is None else sys.__stderr__.fileno()))


@pytest.hookimpl(tryfirst=True)
def pytest_timeout_set_timer(item: pytest.Item, settings: Any) -> None:
    """Note the limit of a test."""
    item.stash[LIMIT] = settings.timeout


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Begin the time of a test; one without a limit, for a debugger, has as much as it wants."""
    if LIMIT in item.stash:
        faulthandler.dump_traceback_later(item.stash[LIMIT] + GRACE, exit=True, file=_stderr[0])
    else:
        faulthandler.cancel_dump_traceback_later()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> None:
    """Begin the time of its fixtures' end: pytest stops the timer when a test has failed."""
    pytest_runtest_setup(item)


def pytest_unconfigure() -> None:
    """Begin the time in which the process must end."""
    faulthandler.dump_traceback_later(GRACE, exit=True, file=_stderr[0])
