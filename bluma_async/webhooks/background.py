"""Tasks that nobody awaits: a reference to each is kept, and they can be waited for."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from typing import Any, Coroutine, Optional, Set, TypeVar

__all__ = ["Background"]

T = TypeVar("T")
own_task: ContextVar[Optional[asyncio.Task[Any]]] = ContextVar("bluma_webhook_task", default=None)


class Background:
    """Tasks of one receiver, in any number of event loops."""

    def __init__(self) -> None:
        self._tasks: Set[asyncio.Task[Any]] = set()

    def start(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Start a task and keep a reference to it: the event loop keeps none, so it could be garbage-collected."""
        task = asyncio.ensure_future(_know_itself(work))
        self._tasks.add(task)
        task.add_done_callback(self._forget)
        task.add_done_callback(lambda _: work.close())  # a task that is cancelled before its first step never awaits it
        return task

    async def wait(self, timeout: float | None = None) -> None:
        """
        Wait until all tasks of this event loop have ended, including those that they start meanwhile.

        The task that this is called in, or whose handler has called it, is skipped: it would wait for itself.

        Args:
            timeout: Seconds to wait; None waits as long as it takes.
        """
        loop = asyncio.get_running_loop()
        ends = None if timeout is None else loop.time() + timeout
        while others := {task for task in self._tasks if task.get_loop() is loop and task is not own_task.get()}:
            left = None if ends is None else max(ends - loop.time(), 0.0)
            done, _ = await asyncio.wait(others, timeout=left)
            if not done:
                return

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # marks it as retrieved: asyncio would report it if nobody awaits the task


async def _know_itself(work: Coroutine[Any, Any, T]) -> T:
    """Run work in a task whose context names it, also in the tasks and threads that it starts."""
    own_task.set(asyncio.current_task())
    return await work
