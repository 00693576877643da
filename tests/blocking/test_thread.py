"""The loop's thread, as an object: it starts, it is left behind in a fork, it ends."""

from __future__ import annotations

import asyncio
import threading

import pytest

from bluma.errors import BlumaError
from bluma_sync._thread import _ProcessState


def test_a_process_has_one_loop_and_ends_it() -> None:
    """At exit the loop closes what is open, and a later call is told why it cannot be made."""
    process = _ProcessState()
    thread = process.get_loop_thread()
    ended = threading.Event()

    async def hold() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    again = process.get_loop_thread()
    while thread._portal is None:
        asyncio.run_coroutine_threadsafe(asyncio.sleep(0), thread.loop).result()
    thread.loop.call_soon_threadsafe(lambda: thread.start_task(hold()))
    process.shut_down()

    assert again is thread
    assert ended.wait(5)
    with pytest.raises(BlumaError, match="shutting down"):
        process.get_loop_thread()


def test_a_child_starts_afresh() -> None:
    """What was the parent's is kept, and not touched."""
    process = _ProcessState()
    parents = process.get_loop_thread()

    process.reset_after_fork()
    own = process.get_loop_thread()

    assert own is not parents
    assert parents.loop.is_running()
    for thread in (parents, own):
        thread.stop()


def test_a_process_that_never_called_ends_too() -> None:
    """There is nothing to close."""
    process = _ProcessState()

    process.shut_down()
    process.reset_after_fork()

    assert process.is_exiting
