"""The transport of a client and all its copies: opened once, closed once. Closing ends the pauses of calls."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, Callable, Coroutine, Dict, Set, Tuple

from bluma_async.errors import BlumaError

if TYPE_CHECKING:
    from bluma_async._session.ports import Transport

__all__ = ["Connections"]

Alarm = Tuple[asyncio.AbstractEventLoop, "asyncio.Future[None]"]


class Connections:
    """Open the transport at its first use, and refuse calls once it is closed."""

    def __init__(self, open_transport: Callable[[], Transport], *, is_custom: bool = False) -> None:
        self.is_custom = is_custom  # a transport of the caller's: no other program reaches the same server through it
        self._open_transport = open_transport
        self._first: Dict[str, Transport] = {}
        self.transport: Transport | None = None
        self.is_closed: bool = False
        self._alarms: Set[Alarm] = set()

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

    async def until_closed(self, work: Coroutine[Any, Any, None]) -> None:
        """Await a pause of a call; if the client is closed, end it."""
        loop = asyncio.get_running_loop()
        alarm: Alarm = (loop, loop.create_future())
        self._alarms.add(alarm)
        pause = asyncio.ensure_future(work)
        try:
            if not self.is_closed:  # now that the alarm is set: another thread may close the client at any moment
                await asyncio.wait({pause, alarm[1]}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._alarms.discard(alarm)
            if not pause.done():
                pause.cancel()
                await asyncio.wait({pause})
        if not (pause.cancelled() and self.is_closed):
            pause.result()

    async def close(self) -> None:
        """Close the transport, and end the pauses. Closing again does nothing."""
        self.is_closed = True
        for loop, alarm in list(self._alarms):
            with contextlib.suppress(RuntimeError):  # that loop is closed, and its calls with it
                loop.call_soon_threadsafe(_ring, alarm)
        close = getattr(self.transport, "close", None)  # a fake of the caller's may have nothing to close
        if close is not None:
            await close()


def _ring(alarm: asyncio.Future[None]) -> None:
    if not alarm.done():
        alarm.set_result(None)
