"""The thread of a sandbox: its end leaves no other thread waiting."""

from __future__ import annotations

import asyncio
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
