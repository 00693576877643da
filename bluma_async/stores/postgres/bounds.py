"""
Bound a transaction on a connection whose other end may not answer any more.

Rule 1: the socket is shut down, so that psycopg reports a lost connection at once. A cancellation would wait for the
answer to a cancel request, from the server that does not answer.
Rule 2: an interrupted transaction is cancelled in the server too, which frees its locks; it has a moment for that.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from typing import TYPE_CHECKING, Any, Coroutine, TypeVar

if TYPE_CHECKING:
    from bluma_async.stores.postgres.rows import Connection

__all__ = ["TimeBound"]

T = TypeVar("T")
MOMENT = 2.0  # seconds between two cancellations of an interrupted transaction


class TimeBound:
    """The time that a transaction may take. End it after the connection was given back: a commit counts too."""

    def __init__(self, seconds: float) -> None:
        """
        Set up a bound that has not begun.

        Args:
            seconds: The most seconds.
        """
        self.seconds = seconds
        self.is_over: bool = False
        self.is_interrupted: bool = False
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, db: Connection) -> None:
        """Begin to count for the transaction on this connection."""
        self.is_over = False
        self._timer = asyncio.get_running_loop().call_later(self.seconds, self._cut_off, db)

    def end(self) -> None:
        """Stop counting."""
        if self._timer is not None:
            self._timer.cancel()

    async def interruptible(self, work: Coroutine[Any, Any, T]) -> T:
        """
        Await the work of the transaction; if the caller is cancelled, the transaction is cancelled.

        psycopg has the server cancel the statement, and waits for the end of it. The next cancellation ends that.
        """
        task = asyncio.ensure_future(work)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            self.is_interrupted = True
            task.add_done_callback(lambda done: done.cancelled() or done.exception())
            while not task.done():
                task.cancel()
                await asyncio.wait([task], timeout=MOMENT)
            raise

    def _cut_off(self, db: Connection) -> None:
        self.is_over = True
        if not db.closed:
            with contextlib.suppress(OSError), socket.socket(fileno=os.dup(db.pgconn.socket)) as end:
                end.shutdown(socket.SHUT_RDWR)
