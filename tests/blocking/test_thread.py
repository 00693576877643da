"""The loop thread: it starts, it is replaced after a fork, and it ends at exit."""

from __future__ import annotations

import asyncio
import signal
import threading
from typing import List

import pytest

from bluma.errors import BlumaError
from bluma_sync import _thread
from bluma_sync._thread import LoopThread, _ProcessState


def test_a_process_has_one_loop_and_ends_it() -> None:
    """All calls share one loop; at exit its tasks are cancelled, and later calls are refused."""
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


def test_a_forked_child_starts_its_own_loop() -> None:
    """The parent's loop is replaced, and keeps running."""
    process = _ProcessState()
    inherited = process.get_loop_thread()

    process.reset_after_fork()
    own = process.get_loop_thread()

    assert own is not inherited
    assert inherited.loop.is_running()
    for thread in (inherited, own):
        thread.stop()
        thread._thread.join()  # other tests count threads, and `stop` waits for a limited time


def test_a_loop_that_was_just_started_ends_too() -> None:
    """A loop ends although its portal may not be open yet; the moment is random, so the test repeats it."""
    for _ in range(10):
        process = _ProcessState()
        thread = process.get_loop_thread()

        process.shut_down()

        thread._thread.join(10)
        assert not thread._thread.is_alive()
        assert thread.loop.is_closed()


def test_a_process_without_calls_can_exit() -> None:
    """Exit and fork need no loop."""
    process = _ProcessState()

    process.shut_down()
    process.reset_after_fork()

    assert process.is_exiting


@pytest.mark.skipif(not hasattr(signal, "SIGUSR1"), reason="there is no such signal on this system")
def test_a_signal_handler_may_call_while_its_thread_starts_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """It starts a loop of its own, which stays; the one that it has interrupted ends."""
    process = _ProcessState()
    started: List[LoopThread] = []
    found: List[LoopThread] = []

    def start() -> LoopThread:
        started.append(thread := LoopThread())
        if len(started) == 1:
            signal.raise_signal(signal.SIGUSR1)
        return thread

    monkeypatch.setattr(_thread, "LoopThread", start)
    before = signal.signal(signal.SIGUSR1, lambda *_: found.append(process.get_loop_thread()))
    try:
        own = process.get_loop_thread()
    finally:
        signal.signal(signal.SIGUSR1, before)
    interrupted, other = started
    interrupted._thread.join(5)

    assert (own, found) == (other, [other])
    assert not interrupted._thread.is_alive()
    own.stop()
    own._thread.join()
