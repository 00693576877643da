"""The loop's thread, as an object: it starts, it is left behind in a fork, it ends."""

from __future__ import annotations

import asyncio
import threading

import pytest

from bluma.errors import BlumaError
from bluma_sync._thread import _Process


def test_a_process_has_one_loop_and_ends_it() -> None:
    """At exit the loop closes what is open, and a later call is told why it cannot be made."""
    process = _Process()
    thread = process.reach()
    ended = threading.Event()

    async def hold() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    again = process.reach()
    while thread._portal is None:
        asyncio.run_coroutine_threadsafe(asyncio.sleep(0), thread.loop).result()
    thread.loop.call_soon_threadsafe(lambda: thread.begin(hold()))
    process.exit()

    assert again is thread
    assert ended.wait(5)
    with pytest.raises(BlumaError, match="shutting down"):
        process.reach()


def test_a_child_starts_afresh() -> None:
    """What was the parent's is kept, and not touched."""
    process = _Process()
    parents = process.reach()

    process.start_afresh()
    own = process.reach()

    assert own is not parents
    assert parents.loop.is_running()
    for thread in (parents, own):
        thread.stop()
        thread._thread.join()  # it may take longer than `stop` waits, and other tests count threads


def test_a_loop_that_has_just_been_started_ends_too() -> None:
    """It ends also if it does not run yet; which moment it has come to is left to chance, hence several."""
    for _ in range(10):
        process = _Process()
        thread = process.reach()

        process.exit()

        thread._thread.join(10)
        assert not thread._thread.is_alive()
        assert thread.loop.is_closed()


def test_a_process_that_never_called_ends_too() -> None:
    """There is nothing to close."""
    process = _Process()

    process.exit()
    process.start_afresh()

    assert process.is_exiting
