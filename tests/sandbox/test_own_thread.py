"""The thread of a sandbox: its end leaves no other thread waiting."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from concurrent.futures import CancelledError
from typing import List

import pytest

from bluma_async.sandbox.own_thread import OwnThread

LIMIT = 10.0  # seconds


async def wait_forever() -> None:
    """Wait for nothing."""
    await asyncio.Event().wait()


def test_the_end_cancels_the_work_that_runs() -> None:
    """Also work that was submitted a moment before."""
    thread = OwnThread()
    running = [thread.submit(wait_forever()) for _ in range(3)]

    thread.stop()

    for outcome in running:
        with pytest.raises(CancelledError):
            outcome.result(LIMIT)


def test_work_that_comes_while_the_loop_ends_is_refused() -> None:
    """The loop takes a few further steps then, and would run the work only in part."""
    thread = OwnThread()
    refusals: List[str] = []

    async def submit_at_the_end() -> None:
        try:
            await wait_forever()
        finally:
            try:
                thread.submit(wait_forever())
            except RuntimeError as refusal:
                refusals.append(str(refusal))

    thread.submit(submit_at_the_end())

    thread.stop()

    assert refusals == ["The sandbox was stopped."]


def test_work_that_comes_after_the_end_is_refused() -> None:
    """Nobody would run it."""
    thread = OwnThread()
    thread.stop()

    with pytest.raises(RuntimeError, match="The sandbox was stopped"):
        thread.call(int)


FORKING = """
import asyncio, os, signal
from bluma_async.sandbox.own_thread import OwnThread

thread = OwnThread()
thread._gate.acquire()  # another thread may be in it
child = os.fork()
if not child:
    signal.alarm(20)  # ends a child that hangs
    try:
        thread.submit(asyncio.sleep(0))
    except RuntimeError as refusal:
        print(refusal, flush=True)
    thread.stop()
    os._exit(0)
thread._gate.release()
print(os.waitpid(child, 0)[1], thread.call(int))
thread.stop()
"""


@pytest.mark.timeout(60)
@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_does_not_wait_for_the_loop() -> None:
    """Its work is refused, and its end of the thread does nothing: the loop is in the parent, and goes on."""
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", FORKING]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    refusal = "The sandbox runs in the parent process. A forked child can only use its URL."
    assert (done.stdout, done.stderr) == (f"{refusal}\n0 0\n", "")
