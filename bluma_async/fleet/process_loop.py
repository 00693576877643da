"""
The event loop of a process that runs tasks in threads, as Celery does.

Rule: when the loop ends, every call of `run` ends. Celery shuts down a pool of threads while they run tasks. A thread
that waited for a stopped loop would keep the process alive forever.
"""

from __future__ import annotations

import asyncio
import os
import threading
from concurrent.futures import CancelledError, Future
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, Callable, Coroutine, Set, TypeVar

from bluma_async._runtime.log import logger
from bluma_async.errors import BlumaError

if TYPE_CHECKING:
    from bluma_async.fleet.tasks import FleetTasks

__all__ = ["GIVEN_BACK", "ProcessLoop"]

T = TypeVar("T")
SHUTDOWN = 25.0  # seconds to give back jobs when a process ends; more than a lost database is waited for
GIVEN_BACK = "This process has given back its jobs, and works on no more. Other processes go on with them."


class ProcessLoop:
    """The event loop of this process, in a thread of its own, with everything that tasks share."""

    def __init__(self) -> None:
        self.pid: int = os.getpid()
        self._loop = asyncio.new_event_loop()
        self._ended: asyncio.Future[None] = self._loop.create_future()
        self._thread = threading.Thread(target=self._serve, name="bluma fleet", daemon=True)
        self._thread.start()
        self._opening: asyncio.Task[FleetTasks] | None = None
        self._stack = AsyncExitStack()
        self._gate = threading.Lock()  # nothing begins in the loop after the work that ends it
        self._is_closing = False
        self._outcomes: Set[Future[Any]] = set()
        self._running: Set[asyncio.Task[Any]] = set()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """
        Run a coroutine in the loop, and return its result.

        Raises:
            BlumaError: The process gave back its jobs before the coroutine had ended.
        """
        with self._gate:
            if self._is_closing:
                work.close()
                raise BlumaError(GIVEN_BACK)
            outcome = asyncio.run_coroutine_threadsafe(self._noted(work), self._loop)
            self._outcomes.add(outcome)
        try:
            return outcome.result()
        except CancelledError:
            raise BlumaError(GIVEN_BACK) from None
        finally:
            self._outcomes.discard(outcome)

    async def open(self, enter: Callable[[AsyncExitStack], Coroutine[Any, Any, FleetTasks]]) -> None:
        """Open everything once; if that fails, the next task tries again."""
        if self._opening is None:
            self._opening = asyncio.ensure_future(enter(self._stack))
        opening = self._opening
        try:
            await asyncio.shield(opening)
        except BaseException:
            if opening.done() and self._opening is opening:
                self._opening = None
                await self._stack.aclose()
            raise

    def close(self) -> None:
        """Give back the jobs, close everything and end the thread."""
        with self._gate:
            if self._is_closing:
                return
            self._is_closing = True
            closing = asyncio.run_coroutine_threadsafe(self._end(), self._loop)
        try:
            closing.result(SHUTDOWN)
        except Exception as problem:  # noqa: BLE001 - the process ends; the lease ends by itself
            logger.warning("The jobs of this process could not be given back: %r", problem)
        self._end_waits()
        if closing.done():
            self._thread.join()

    def _serve(self) -> None:
        try:
            self._loop.run_until_complete(self._ended)
        finally:
            with self._gate:
                self._is_closing = True
            self._end_waits()
            self._loop.close()

    def _end_waits(self) -> None:
        for outcome in list(self._outcomes):
            outcome.cancel()

    async def _noted(self, work: Coroutine[Any, Any, T]) -> T:
        task: Any = asyncio.current_task()
        self._running.add(task)
        try:
            return await work
        except (SystemExit, KeyboardInterrupt) as end:  # it would end the loop, and the other tasks with it
            raise BlumaError(f"A task ended with {end!r}.") from end
        finally:
            self._running.discard(task)

    async def _end(self) -> None:
        try:
            await self._end_running()
            await self._stack.aclose()
        finally:
            self._ended.set_result(None)

    async def _end_running(self) -> None:
        """Cancel what runs, and wait for it: a create that was sent takes a few seconds to be recorded."""
        opening, running = self._opening, list(self._running)
        if opening is not None:
            running.append(opening)
            if opening.done() and not opening.cancelled() and opening.exception() is None:
                opening.result().stop()
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
