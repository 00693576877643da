"""
One resource for each event loop of this process, closed together with its loop.

A client may be made anywhere and used from several loops. What it opens in a loop belongs to that loop alone.

Rule 1: a resource is closed in its own loop: by `close`, or by the loop's shutdown (`asyncio.run` ends that way).
Rule 2: what a loop closed the hard way left behind is abandoned: its sockets are closed, nothing is awaited.
Rule 3: what was opened before a fork is the parent's; the child neither uses nor closes it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from typing import AsyncGenerator, Awaitable, Callable, Dict, Generic, Tuple, TypeVar

import attrs

__all__ = ["PerLoop"]

R = TypeVar("R")
Key = Tuple[int, asyncio.AbstractEventLoop]


@attrs.define
class _Held(Generic[R]):
    resource: R
    keeper: AsyncGenerator[None, None]
    is_abandoned: bool = False


class PerLoop(Generic[R]):
    """Open a resource at its first use in a loop, and see that it is closed."""

    def __init__(
        self, opened: Callable[[], R], close: Callable[[R], Awaitable[None]], abandon: Callable[[R], None]
    ) -> None:
        self._opened = opened
        self._close = close
        self._abandon = abandon
        self._held: Dict[Key, _Held[R]] = {}
        self._lock = threading.Lock()

    def find(self) -> R | None:
        """Return the running loop's resource, if it is open already."""
        held = self._held.get((os.getpid(), asyncio.get_running_loop()))
        return held.resource if held else None

    async def get(self) -> R:
        """Return the running loop's resource."""
        return self.find() or await self._open((os.getpid(), asyncio.get_running_loop()))

    async def close(self) -> None:
        """Close everything this process opened; in other running loops as soon as they come to it."""
        with self._lock:
            mine = {key: held for key, held in self._held.items() if key[0] == os.getpid()}
            for key in mine:
                del self._held[key]
        for (_, loop), held in mine.items():
            if loop is asyncio.get_running_loop():
                await held.keeper.aclose()
            elif loop.is_running():
                asyncio.run_coroutine_threadsafe(_end(held.keeper), loop)
            else:
                self._leave(held)

    async def _open(self, key: Key) -> R:
        self._drop_closed()
        resource = self._opened()
        held = _Held(resource, self._keep(key))
        with self._lock:
            self._held[key] = held
        await held.keeper.asend(None)
        return resource

    async def _keep(self, key: Key) -> AsyncGenerator[None, None]:
        """Close the resource when the loop shuts down its async generators: that is the loop's only farewell."""
        held = self._held[key]
        try:
            yield
        finally:
            with self._lock:
                self._held.pop(key, None)
            if not held.is_abandoned:
                await self._close(held.resource)

    def _drop_closed(self) -> None:
        with self._lock:
            closed = [key for key in self._held if key[0] == os.getpid() and key[1].is_closed()]
            dropped = [self._held.pop(key) for key in closed]
        for held in dropped:
            self._leave(held)

    def _leave(self, held: _Held[R]) -> None:
        held.is_abandoned = True
        self._abandon(held.resource)
        with contextlib.suppress(StopIteration):
            held.keeper.aclose().send(None)  # there is nothing left to await, and no loop to do it


async def _end(keeper: AsyncGenerator[None, None]) -> None:
    await keeper.aclose()
