"""The event loop of a Celery process: when it ends, no thread waits for it forever."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AsyncExitStack, suppress
from typing import Any, Callable, Coroutine, Iterator, List

import pytest

from bluma_async.errors import BlumaError
from bluma_async.fleet import process_loop
from bluma_async.fleet.process_loop import ProcessLoop

LIMIT = 10.0  # seconds

Begin = Callable[[Callable[[], Coroutine[Any, Any, None]]], "Future[None]"]


@pytest.fixture
def process() -> ProcessLoop:
    """Give the event loop of a process."""
    return ProcessLoop()


@pytest.fixture
def begin(process: ProcessLoop) -> Iterator[Begin]:
    """Give a function that runs a task in a thread, and returns its outcome when it runs."""
    pool = ThreadPoolExecutor(1)

    def begin(work: Callable[[], Coroutine[Any, Any, None]]) -> Future[None]:
        is_running = threading.Event()

        async def run() -> None:
            is_running.set()
            await work()

        outcome = pool.submit(process.run, run())
        assert is_running.wait(LIMIT)
        return outcome

    yield begin
    pool.shutdown()


def test_a_task_that_runs_when_the_process_ends_is_ended(process: ProcessLoop, begin: Begin) -> None:
    """Celery does not wait for the tasks of a pool of threads when it shuts down at once."""
    steps: List[str] = []
    process._stack.callback(steps.append, "jobs are given back")

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.01)
            steps.append("the create is recorded")

    outcome = begin(work)
    process.close()

    with pytest.raises(BlumaError, match="given back its jobs"):
        outcome.result(LIMIT)
    assert steps == ["the create is recorded", "jobs are given back"]


def test_a_task_that_ignores_its_cancellation_keeps_no_thread(
    process: ProcessLoop, begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The thread that waits for it gets an error."""
    monkeypatch.setattr(process_loop, "SHUTDOWN", 0.1)
    events: List[asyncio.Event] = []

    async def work() -> None:
        events.append(asyncio.Event())
        while not events[0].is_set():
            with suppress(asyncio.CancelledError):
                await events[0].wait()

    outcome = begin(work)
    process.close()

    with pytest.raises(BlumaError, match="given back its jobs"):
        outcome.result(LIMIT)
    process._loop.call_soon_threadsafe(events[0].set)
    process._thread.join(LIMIT)  # its loop ends when the task does
    assert process._loop.is_closed()


def test_a_task_that_exits_ends_itself_alone(process: ProcessLoop, begin: Begin) -> None:
    """A hook of the user's may call `sys.exit`; the loop and other tasks go on."""

    async def leave() -> None:
        raise SystemExit(1)

    async def work() -> None:
        """Do nothing."""

    with pytest.raises(BlumaError, match=r"ended with SystemExit\(1\)"):
        begin(leave).result(LIMIT)
    begin(work).result(LIMIT)
    process.close()


def test_a_process_whose_opening_was_cancelled_closes_what_was_opened(process: ProcessLoop) -> None:
    """Its worker ended while it connected."""
    closed: List[str] = []

    async def enter(stack: AsyncExitStack) -> Any:
        stack.callback(closed.append, "closed")
        raise asyncio.CancelledError

    with pytest.raises(BlumaError, match="given back its jobs"):
        process.run(process.open(enter))
    process.close()

    assert closed == ["closed"]


def test_a_task_that_comes_after_the_end_is_refused(process: ProcessLoop) -> None:
    """Nobody would run it."""
    process.close()

    async def work() -> None:
        raise AssertionError

    with pytest.raises(BlumaError, match="given back its jobs"):
        process.run(work())
