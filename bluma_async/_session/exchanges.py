"""
The exchanges of one event loop, which end when their client is closed.

Rule: closing a client ends its exchanges itself. aiohttp would leave some of them waiting: one that reads a body, one
whose connection is being made, and all those of a session that the user has passed in.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Set

import aiohttp

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["ClientClosedError", "Exchange", "Exchanges"]


class ClientClosedError(aiohttp.ClientError):
    """The client was closed during an exchange, or before it."""

    def __init__(self) -> None:
        super().__init__("the client was closed")


class Exchange:
    """A block of a task that `Exchanges.end_all` cancels; the block ends with a ClientClosedError then."""

    def __init__(self, exchanges: Exchanges) -> None:
        self._exchanges = exchanges
        self._is_ended = False
        self._task: Any = None
        self._cancelled_before = 0

    def __enter__(self) -> None:
        if self._exchanges.is_closed:
            raise ClientClosedError
        self._task = asyncio.current_task()
        self._cancelled_before = _count_cancellations(self._task)
        self._exchanges.add(self)

    def __exit__(self, _: type[BaseException] | None, error: BaseException | None, __: TracebackType | None) -> None:
        self._exchanges.discard(self)
        if not self._is_ended:
            return
        if hasattr(self._task, "uncancel"):
            self._task.uncancel()
        is_cancelled_too = _count_cancellations(self._task) > self._cancelled_before  # by its caller
        if isinstance(error, asyncio.CancelledError) and not is_cancelled_too:
            raise ClientClosedError from None

    def end(self) -> None:
        """End the block. The task waits inside it, so it cannot leave the block before it is cancelled."""
        if _is_being_cancelled(self._task):
            return  # by its caller, who must get the cancellation; Python before 3.11 does not count them
        self._is_ended = True
        self._task.cancel()


class Exchanges:
    """The exchanges that are under way in one event loop."""

    def __init__(self) -> None:
        self.is_closed: bool = False
        self._open: Set[Exchange] = set()

    def enter(self) -> Exchange:
        """
        Return a block that ends when the client is closed.

        Raises:
            ClientClosedError: It was closed, when the block is entered or while it runs.
        """
        return Exchange(self)

    def add(self, exchange: Exchange) -> None:
        """Note that an exchange has begun."""
        self._open.add(exchange)

    def discard(self, exchange: Exchange) -> None:
        """Note that an exchange has ended."""
        self._open.discard(exchange)

    def end_all(self) -> None:
        """End all exchanges, and refuse new ones. Called in their event loop."""
        self.is_closed = True
        for exchange in self._open:
            exchange.end()


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
