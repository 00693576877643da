"""
A pool of threads for the SDK's own blocking functions, such as disk operations.

Rule 1: they share one small pool of daemon threads. A hop through anyio costs several times as much, and a batch makes
about five for each job.
Rule 2: a function that has begun cannot be interrupted. A caller that is cancelled waits until it has ended: it could
otherwise open a file that the caller is about to close.
Rule 3: there is no lock, because a forked child would inherit it locked. Single operations of a queue, a deque and a
set are atomic. The child starts with a pool of its own.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections import deque
from contextlib import suppress
from contextvars import copy_context
from queue import Empty, SimpleQueue
from typing import Any, Callable, Deque, Set, Tuple

from bluma_async._runtime.running_loop import get_running_loop

__all__ = ["Completion", "ThreadPool", "Work", "start_in_thread"]

MOST_THREADS = 40
MOST_IDLE = 10.0  # seconds without work after which a thread ends
Done = Callable[[Any, "BaseException | None"], None]


class Completion:
    """The outcome of work that cannot be interrupted."""

    def __init__(self) -> None:
        self._loop = get_running_loop()
        self._future: asyncio.Future[Any] = self._loop.create_future()
        self._is_over = False

    def resolve(self, result: Any, error: BaseException | None) -> None:
        """Give the outcome to the waiter. Call it once, in the waiter's event loop."""
        self._is_over = True
        if self._future.done():
            return  # its waiter was cancelled twice
        if isinstance(error, StopIteration):  # a future refuses it, and its waiter would wait forever
            error = RuntimeError(f"the function raised {error!r}")
        if error is None:
            self._future.set_result(result)
        else:
            self._future.set_exception(error)

    async def wait(self, *, leaves: bool = False) -> Any:
        """
        Return the result, or raise the error. If cancelled, wait until the work is over, and raise that then.

        Args:
            leaves: Whether the work is left alone instead, if cancelled.
        """
        try:
            return await self._future
        except asyncio.CancelledError:
            if not (self._is_over or leaves):
                self._future = self._loop.create_future()
                with suppress(Exception):
                    await self._future
            raise


def start_in_thread(function: Callable[..., Any], args: Any, done: Done) -> None:
    """
    Call a function in a thread, and then `done` with its result or its error in the running event loop.

    Raises:
        BlumaError: No asyncio event loop is running.
        RuntimeError: The system refuses to start a thread, and there is none yet.
    """
    _pool.submit(Work(get_running_loop(), function, args, done))


class Work:
    """One call of a function."""

    def __init__(self, loop: asyncio.AbstractEventLoop, function: Callable[..., Any], args: Any, done: Done) -> None:
        self._loop = loop
        self._context = copy_context()
        self._function = function
        self._args = args
        self._done = done
        self._outcome: Tuple[Any, BaseException | None] = None, None
        self.is_withdrawn = False

    def run(self) -> None:
        """Call the function, and deliver its outcome."""
        self.call()
        self.deliver()

    def call(self) -> None:
        """Call the function, and keep its outcome."""
        try:
            self._outcome = self._context.run(self._function, *self._args), None
        except BaseException as error:  # noqa: BLE001 - the caller, in the loop, raises it
            self._outcome = None, error

    def deliver(self) -> None:
        """Have the loop call `done` with the outcome."""
        with suppress(RuntimeError):  # the loop is closed, so nobody waits
            self._loop.call_soon_threadsafe(self._done, *self._outcome)


class ThreadPool:
    """Daemon threads. One is started when no other one is idle."""

    def __init__(self, most_threads: int = MOST_THREADS, most_idle: float = MOST_IDLE) -> None:
        """
        Set up the pool, without a thread.

        Args:
            most_threads: The number of threads; further work waits for one of them.
            most_idle: Seconds without work after which a thread ends.
        """
        self._most_threads = most_threads
        self._most_idle = most_idle
        self._work: SimpleQueue[Work] = SimpleQueue()
        self._threads: Set[threading.Thread] = set()
        self._idle: Deque[None] = deque()  # an entry for each waiting thread that no work was submitted for

    def submit(self, work: Work) -> None:
        """
        Run some work in a thread, soon.

        Raises:
            RuntimeError: The system refuses to start a thread, and there is none yet. The work is not run.
        """
        self._work.put(work)  # first: a thread that is about to end looks once more after it has left the set
        try:
            self._idle.pop()
        except IndexError:
            if len(self._threads) < self._most_threads:
                self._start_thread(work)

    def _start_thread(self, work: Work) -> None:
        thread = threading.Thread(target=self._run, name="bluma disk", daemon=True)
        self._threads.add(thread)
        try:
            thread.start()
        except RuntimeError:
            self._threads.discard(thread)
            if not self._threads:
                work.is_withdrawn = True
                raise

    def _run(self) -> None:
        work = self._wait_for_work()
        while work is not None:
            work = self._finish(work)

    def _finish(self, work: Work) -> Work | None:
        """Do some work, and return the next; None if the thread is to end."""
        if not work.is_withdrawn:
            work.call()
        following = self._find_work()
        if following is None:
            self._idle.append(None)  # before the caller gets the outcome: its next work needs no further thread
        if not work.is_withdrawn:
            work.deliver()
        del work  # it holds the caller's objects
        return following or self._wait_for_work()

    def _find_work(self) -> Work | None:
        try:
            return self._work.get_nowait()
        except Empty:
            return None

    def _wait_for_work(self) -> Work | None:
        try:
            return self._work.get(timeout=self._most_idle)
        except Empty:
            return self._take_last()

    def _take_last(self) -> Work | None:
        """Leave the pool; return work that was submitted meanwhile, for which the thread stays."""
        thread = threading.current_thread()
        self._threads.discard(thread)
        with suppress(IndexError):
            self._idle.pop()
        work = self._find_work()
        if work is not None:
            self._threads.add(thread)
        return work


_pool = ThreadPool()


def _start_afresh() -> None:
    """Replace the pool in a forked child, in which its threads do not exist."""
    global _pool  # noqa: PLW0603 - the pool belongs to the process
    _pool = ThreadPool()


if hasattr(os, "register_at_fork"):  # not on Windows, where there is no fork
    os.register_at_fork(after_in_child=_start_afresh)
