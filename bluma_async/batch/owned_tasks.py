"""
Run work in tasks of its own, which outlive the callers that wait for it.

Rule 1: a caller that is cancelled stops waiting, and cancels its work once. Servers run their requests in cancel scopes
of anyio, which cancel the same task again and again until it ends: work in that task could finish nothing that takes
longer than a moment. In a task of its own, a create gets its grace.
Rule 2: the owner waits for all these tasks. Only then does it close what they use.
"""

from __future__ import annotations

import asyncio
from typing import Any, Coroutine, Set, TypeVar

__all__ = ["OwnedTasks"]

T = TypeVar("T")


class OwnedTasks:
    """The tasks of one owner."""

    def __init__(self) -> None:
        self._tasks: Set[asyncio.Task[Any]] = set()
        self._cancelled: Set[asyncio.Task[Any]] = set()

    async def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Await work. If the caller is cancelled, the work is cancelled once, and ends in its own time."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._forget)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            self._cancel(task)
            raise

    async def end(self) -> None:
        """Cancel the tasks that were not cancelled yet, and wait until all have ended."""
        for task in self._tasks:
            self._cancel(task)
        while self._tasks:
            await asyncio.wait(list(self._tasks))

    def _cancel(self, task: asyncio.Task[Any]) -> None:
        if task not in self._cancelled and not task.done():
            self._cancelled.add(task)
            task.cancel()

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        self._cancelled.discard(task)
        if not task.cancelled():
            task.exception()  # its caller may be gone: asyncio would log that nobody has read it
