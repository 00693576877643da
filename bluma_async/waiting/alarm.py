"""The sleep of a poller, which others can end. It refers to nothing: a reference cycle would keep the client alive."""

from __future__ import annotations

import asyncio
from typing import Any, Coroutine

__all__ = ["Alarm"]


class Alarm:
    """Sleeps until a moment, or until it rings. It belongs to one event loop."""

    def __init__(self) -> None:
        self._nap: asyncio.Future[None] | None = None

    async def sleep(self, nap: Coroutine[Any, Any, None]) -> None:
        """Sleep until `nap` has ended, or `ring` is called."""
        self._nap = asyncio.ensure_future(nap)
        try:
            await asyncio.wait([self._nap])
        finally:
            self._nap.cancel()
            self._nap = None

    def ring(self) -> None:
        """End the sleep, if there is one."""
        if self._nap is not None:
            self._nap.cancel()
