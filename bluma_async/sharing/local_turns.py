"""Let one task of an event loop at a time ask a database for the next turn of a template: more would only load it."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any, AsyncGenerator, Dict

__all__ = ["LocalTurns"]


class LocalTurns:
    """The turns of one event loop."""

    def __init__(self) -> None:
        self._locks: Dict[str | None, asyncio.Lock] = {}

    @contextlib.asynccontextmanager
    async def acquire(self, template_id: str | None, within: float | None) -> AsyncGenerator[None, None]:
        """
        Wait for the turn of a template, and keep it until the end of the block.

        Args:
            template_id: The template; None for creates whose template is unknown.
            within: Seconds to wait; None for no limit.

        Raises:
            asyncio.TimeoutError: The turn did not come in time.
        """
        lock = self._locks.setdefault(template_id, asyncio.Lock())
        await _acquire(lock, within)
        try:
            yield
        finally:
            lock.release()


async def _acquire(lock: asyncio.Lock, within: float | None) -> None:
    """Acquire a lock in time, or not at all. `asyncio.wait_for` can lose one that is acquired as it is cancelled."""
    acquiring = asyncio.ensure_future(lock.acquire())
    try:
        await asyncio.wait([acquiring], timeout=within)
    except asyncio.CancelledError:
        await _give_up(lock, acquiring)
        raise
    if not acquiring.done():
        await _give_up(lock, acquiring)
        raise asyncio.TimeoutError


async def _give_up(lock: asyncio.Lock, acquiring: asyncio.Future[Any]) -> None:
    acquiring.cancel()
    await asyncio.wait([acquiring])
    if not acquiring.cancelled():
        lock.release()
