"""
Run functions and coroutines of a program in threads beside the caller's event loop, whichever state that is in.

Rule: nothing that runs there can be ended. The threads are daemon threads, and so are those that the program starts in
them, so that a program that hangs keeps no test and no process.

Limit: the threads of executors of `concurrent.futures`, which `asyncio.to_thread` and `run_in_executor` use too, keep
the process: Python waits for them at its end, although they are daemon threads.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import Future, wait
from threading import Thread
from typing import Any, Callable, Coroutine, TypeVar

__all__ = ["LateError", "begin_in_thread", "run_in_thread"]

T = TypeVar("T")
LONGEST = 30.0  # seconds
ENDING = 2.0  # seconds for the tasks and threads that a coroutine leaves behind


class LateError(Exception):
    """A coroutine has not ended in time."""


def begin_in_thread(function: Callable[..., T], *args: Any) -> Future[T]:
    """Call a function in a daemon thread of its own, and return its outcome."""
    outcome: Future[T] = Future()
    outcome.set_running_or_notify_cancel()  # a waiter that leaves does not cancel it
    Thread(target=_call, args=(outcome, function, *args), name="bluma testing", daemon=True).start()
    return outcome


def run_in_thread(work: Coroutine[Any, Any, T], within: float = LONGEST) -> T:
    """
    Run a coroutine in an event loop of its own, in a thread of its own, and return its result.

    Not `asyncio.run` in this thread: it would remove the event loop that a test plugin has set here.

    Args:
        work: The coroutine.
        within: Seconds that it may take.

    Raises:
        LateError: The coroutine has not ended in time. It keeps running.
    """
    outcome: Future[T] = Future()
    end = begin_in_thread(asyncio.run, _report(work, outcome))
    try:
        wait([outcome, end], within, "FIRST_COMPLETED")
        if end.done():
            end.result()
        if not outcome.done():
            raise LateError(f"It has not ended within {within:g} s.")
        return outcome.result()
    finally:
        wait([end], ENDING)


def _call(outcome: Future[Any], function: Callable[..., Any], *args: Any) -> None:
    try:
        outcome.set_result(function(*args))
    except BaseException as error:  # noqa: BLE001 - the thread that waits raises it
        outcome.set_exception(error)


async def _report(work: Coroutine[Any, Any, T], outcome: Future[T]) -> None:
    try:
        outcome.set_result(await work)
    except Exception as error:  # noqa: BLE001 - the thread that waits raises it
        outcome.set_exception(error)
