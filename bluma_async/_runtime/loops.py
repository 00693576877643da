"""
One resource for each event loop of this process, closed together with its loop.

A client may be made anywhere and used from several loops. What it opens in a loop belongs to that loop alone.

Rule 1: a resource is closed in its own loop: by `close`, by the loop's shutdown (`asyncio.run` ends that way), or when
whoever held it is gone. An async generator holds it, and loops finish those they know.
Rule 2: what a loop closed the hard way left behind is abandoned: its sockets are closed, nothing is awaited.
Rule 3: what was opened before a fork is the parent's: the child abandons its copies at once, without a word.
Rule 4: there is no lock here, for a child would inherit it locked. Single operations of a dict are atomic.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import weakref
from typing import TYPE_CHECKING, Any, AsyncGenerator, Awaitable, Callable, Dict, Generic, Tuple, TypeVar, cast

import attrs

if TYPE_CHECKING:
    from types import AsyncGeneratorType

__all__ = ["PerLoop"]

R = TypeVar("R")
Key = Tuple[int, asyncio.AbstractEventLoop]


class _LeftBehind(BaseException):
    """Ends a keeper without closing anything."""


@attrs.frozen
class _Held(Generic[R]):
    resource: R
    keeper: AsyncGeneratorType[None, None]


class PerLoop(Generic[R]):
    """Open a resource at its first use in a loop, and see that it is closed."""

    def __init__(
        self, opened: Callable[[], R], close: Callable[[R], Awaitable[None]], abandon: Callable[[R], None]
    ) -> None:
        self._opened = opened
        self._close = close
        self._abandon = abandon
        self._held: Dict[Key, _Held[R]] = {}
        _EVERY.add(self)

    def find(self) -> R | None:
        """Return the running loop's resource, if it is open already."""
        held = self._held.get((os.getpid(), asyncio.get_running_loop()))
        return held.resource if held else None

    async def get(self) -> R:
        """Return the running loop's resource."""
        return self.find() or await self._open((os.getpid(), asyncio.get_running_loop()))

    async def close(self) -> None:
        """Close everything this process opened; in other running loops as soon as they come to it."""
        for pid, loop in list(self._held):
            held = self._held.pop((pid, loop), None) if pid == os.getpid() else None
            if held is None:
                continue
            if loop is asyncio.get_running_loop():
                await held.keeper.aclose()
            elif loop.is_running():
                asyncio.run_coroutine_threadsafe(_end(held.keeper), loop)
            else:
                self._leave(held)

    def leave(self, is_lost: Callable[[Key], bool]) -> None:
        """Abandon what belongs to lost loops."""
        for key in list(self._held):
            held = self._held.pop(key, None) if is_lost(key) else None
            if held is not None:
                self._leave(held)

    async def _open(self, key: Key) -> R:
        self.leave(_is_closed)
        resource = self._opened()
        keeper = cast("AsyncGeneratorType[None, None]", _keep(resource, self._close))
        self._held[key] = _Held(resource, keeper)
        await keeper.asend(None)
        return resource

    def _leave(self, held: _Held[R]) -> None:
        if held.keeper.ag_frame is None:  # it was closed with its loop
            return
        self._abandon(held.resource)
        with contextlib.suppress(_LeftBehind):
            held.keeper.athrow(_LeftBehind()).send(None)  # there is nothing to await, and no loop to do it


async def _keep(resource: R, close: Callable[[R], Awaitable[None]]) -> AsyncGenerator[None, None]:
    """Close the resource when the loop finishes its async generators: that is the loop's only farewell."""
    try:
        yield
    except GeneratorExit:
        await close(resource)
        raise


async def _end(keeper: AsyncGeneratorType[None, None]) -> None:
    await keeper.aclose()


def _is_closed(key: Key) -> bool:
    return key[0] == os.getpid() and key[1].is_closed()


def _leave_to_the_parent() -> None:
    for each in list(_EVERY):
        each.leave(lambda key: key[0] != os.getpid())


_EVERY: weakref.WeakSet[PerLoop[Any]] = weakref.WeakSet()
if hasattr(os, "register_at_fork"):  # not on Windows, where there is no fork
    os.register_at_fork(after_in_child=_leave_to_the_parent)
