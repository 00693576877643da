"""
The exchanges of one event loop, which end when their client is closed.

Rule: closing a client ends its exchanges itself. aiohttp would leave some of them waiting: one that reads a body, one
whose connection is being made, and all those of a session that the user has passed in.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Dict

import aiohttp

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["ClientClosedError", "Exchanges"]


class ClientClosedError(aiohttp.ClientError):
    """The client was closed during an exchange, or before it."""

    def __init__(self) -> None:
        super().__init__("the client was closed")


class Exchanges:
    """
    The exchanges that are under way in one event loop. Each is a block: `with exchanges:`.

    A block ends with a ClientClosedError if the client is closed while it runs, and does not begin after that. The
    blocks of one task may be nested: a tracing function of the user's can call the client.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._is_closed = False
        self._depths: Dict[Any, int] = {}  # by task
        self._ended: Dict[Any, int] = {}  # task: how often others had cancelled it before

    def __enter__(self) -> None:
        if self._is_closed:
            raise ClientClosedError
        task = asyncio.current_task(self._loop)
        self._depths[task] = self._depths.get(task, 0) + 1

    def __exit__(self, _: type[BaseException] | None, error: BaseException | None, __: TracebackType | None) -> None:
        task = asyncio.current_task(self._loop)
        depth = self._depths.pop(task, 1) - 1
        if depth:
            self._depths[task] = depth
        elif self._is_closed and task in self._ended:
            self._leave(task, error)

    def end_all(self) -> None:
        """End all exchanges, and refuse new ones. Called in their event loop; their tasks wait inside the blocks."""
        self._is_closed = True
        for task in self._depths:
            # If its caller is cancelling it, the caller must get the cancellation: Python before 3.11 counts none.
            if not _is_being_cancelled(task):
                self._ended[task] = _count_cancellations(task)
                task.cancel()

    def _leave(self, task: Any, error: BaseException | None) -> None:
        """Take back the cancellation of a task; raise a ClientClosedError unless its caller has cancelled it too."""
        before = self._ended.pop(task)
        if hasattr(task, "uncancel"):
            task.uncancel()
        is_cancelled_too = _count_cancellations(task) > before
        if isinstance(error, asyncio.CancelledError) and not is_cancelled_too:
            raise ClientClosedError from None


def _is_being_cancelled(task: Any) -> bool:
    """Return whether a cancellation of a task, or of the task or future that it awaits, is under way."""
    while task is not None and not task.done():
        if getattr(task, "_must_cancel", False):
            return True
        task = getattr(task, "_fut_waiter", None)
    return task is not None and task.cancelled()


def _count_cancellations(task: Any) -> int:
    """Return how often a task was cancelled; 0 before Python 3.11, which does not count."""
    return task.cancelling() if hasattr(task, "cancelling") else 0
