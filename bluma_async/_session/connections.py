"""The transport of a client and all its copies: opened once, closed once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, Dict

from bluma_async.errors import BlumaError

if TYPE_CHECKING:
    from bluma_async._session.ports import Transport

__all__ = ["Connections"]


class Connections:
    """Open the transport at its first use, and refuse calls once it is closed."""

    def __init__(self, open_transport: Callable[[], Transport], *, is_custom: bool = False) -> None:
        self.is_custom = is_custom  # a transport of the caller's: no other program reaches the same server through it
        self._open_transport = open_transport
        self._first: Dict[str, Transport] = {}
        self.transport: Transport | None = None
        self.is_closed: bool = False

    def get(self) -> Transport:
        """
        Return the open transport.

        Raises:
            BlumaError: The client is closed.
        """
        if self.is_closed:
            raise BlumaError(
                "This client is closed, and this request was not sent. Make a new client, or close it later."
            )
        if self.transport is None:
            # Several threads may open at once, and all must get the same transport. `setdefault` is atomic; a lock
            # would be inherited by a forked child, locked forever.
            self.transport = self._first.setdefault("transport", self._open_transport())
        return self.transport

    async def close(self) -> None:
        """Close the transport. Closing again does nothing."""
        self.is_closed = True
        if self.transport is not None:
            await self.transport.close()
