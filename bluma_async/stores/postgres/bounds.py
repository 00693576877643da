"""
Bound a transaction on a connection whose other end may not answer any more.

Rule: the socket is shut down, so that psycopg reports a lost connection at once. A cancellation would wait for the
answer to a cancel request, from the server that does not answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bluma_async.stores.postgres.rows import Connection

__all__ = ["TimeBound"]


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
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, db: Connection) -> None:
        """Begin to count for the transaction on this connection."""
        self._timer = asyncio.get_running_loop().call_later(self.seconds, self._cut_off, db)

    def end(self) -> None:
        """Stop counting."""
        if self._timer is not None:
            self._timer.cancel()

    def _cut_off(self, db: Connection) -> None:
        self.is_over = True
        if not db.closed:
            with contextlib.suppress(OSError), socket.socket(fileno=os.dup(db.pgconn.socket)) as end:
                end.shutdown(socket.SHUT_RDWR)
