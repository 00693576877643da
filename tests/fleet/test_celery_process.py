"""The event loop of a Celery process: when it ends, no thread waits for it forever."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Callable, Iterator, Tuple

import pytest

from bluma_async.errors import BlumaError
from bluma_async.fleet import celery
from bluma_async.fleet.celery import _Process

LIMIT = 10.0  # seconds

Begun = Callable[..., "Tuple[Future[str], asyncio.Event]"]


@pytest.fixture
def process() -> _Process:
    """Give the event loop of a process."""
    return _Process()


@pytest.fixture
def begin(process: _Process) -> Iterator[Begun]:
    """Give a function that runs a task in a thread, and returns its outcome and the event that it waits for."""
    pool = ThreadPoolExecutor(1)

    def begin(*, is_stubborn: bool = False) -> Tuple[Future[str], asyncio.Event]:
        is_running, events = threading.Event(), []

        async def work() -> str:
            events.append(asyncio.Event())
            is_running.set()
            while is_stubborn and not events[0].is_set():
                with suppress(asyncio.CancelledError):
                    await events[0].wait()
            await events[0].wait()
            return "ended by itself"

        outcome = pool.submit(process.run, work())
        assert is_running.wait(LIMIT)
        return outcome, events[0]

    yield begin
    pool.shutdown()


def test_a_task_that_runs_when_the_process_ends_is_ended(
    process: _Process, begin: Begun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Celery's pool of threads does not wait for its tasks when it is told to end at once."""
    monkeypatch.setattr(celery, "GRACE", 0.01)
    outcome, _ = begin()

    process.close()

    with pytest.raises(BlumaError, match="given back its jobs"):
        outcome.result(LIMIT)


def test_a_task_may_end_by_itself_before_the_process_gives_back_its_jobs(process: _Process, begin: Begun) -> None:
    """So a create that was sent is recorded."""
    outcome, event = begin()
    process._loop.call_soon_threadsafe(process._loop.call_later, 0.01, event.set)

    process.close()

    assert outcome.result(LIMIT) == "ended by itself"


def test_a_task_that_ignores_its_cancellation_keeps_no_thread(
    process: _Process, begin: Begun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What waits for it is told that it was given back."""
    monkeypatch.setattr(celery, "GRACE", 0.01)
    monkeypatch.setattr(celery, "SHUTDOWN", 0.1)
    outcome, event = begin(is_stubborn=True)

    process.close()

    with pytest.raises(BlumaError, match="given back its jobs"):
        outcome.result(LIMIT)
    process._loop.call_soon_threadsafe(event.set)
    process._thread.join(LIMIT)  # its loop ends when the task does
    assert process._loop.is_closed()


def test_a_task_that_comes_after_the_end_is_refused(process: _Process) -> None:
    """Nobody would run it."""
    process.close()

    async def work() -> None:
        raise AssertionError

    with pytest.raises(BlumaError, match="given back its jobs"):
        process.run(work())
