"""
One resource for each event loop of this process, closed together with its loop.

A client may be made anywhere and used from several loops. Connections belong to the loop that opened them.

Rule 1: a resource is closed in its own loop: by `close`, by the loop's shutdown (`asyncio.run` ends with it), or when
its owner is garbage-collected. An async generator holds the resource, because loops finish the async generators that
they started; `__del__` could not await. A finalizer holds the resources of an owner, so that they are never garbage
together with it: the collector would call their own `__del__`, which print that they were not closed.
Rule 2: the resource of a loop that was closed without a shutdown is abandoned: its sockets are closed, without
awaiting.
Rule 3: a resource that was opened before a fork belongs to the parent process. The child abandons its copies at once,
and sends nothing over them.
Rule 4: there is no lock, because a forked child would inherit it locked. Single operations of a dict are atomic.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import weakref
from typing import TYPE_CHECKING, Any, AsyncGenerator, Awaitable, Callable, Dict, Generic, Set, Tuple, TypeVar, cast

import attrs

if TYPE_CHECKING:
    from types import AsyncGeneratorType

__all__ = ["PerLoop"]

R = TypeVar("R")
Key = Tuple[int, asyncio.AbstractEventLoop]


class _Abandoned(BaseException):
    """Ends a keeper without closing its resource."""


@attrs.frozen
class _Held(Generic[R]):
    resource: R
    keeper: AsyncGeneratorType[None, None]


class PerLoop(Generic[R]):
    """Opens a resource at its first use in a loop, and closes it with the loop."""

    def __init__(
        self, opened: Callable[[], R], close: Callable[[R], Awaitable[None]], abandon: Callable[[R], None]
    ) -> None:
        self._opened = opened
        self._close = close
        self._abandon = abandon
        self._held: Dict[Key, _Held[R]] = {}
        _ALL.add(self)
        weakref.finalize(self, _close_dropped, self._held, abandon).atexit = False  # loops close theirs at exit

    def find(self) -> R | None:
        """Return the running loop's resource, or None if it is not open."""
        held = self._held.get((os.getpid(), asyncio.get_running_loop()))
        return held.resource if held else None

    async def get(self) -> R:
        """Return the running loop's resource; open it at the first call."""
        return self.find() or await self._open((os.getpid(), asyncio.get_running_loop()))

    async def close(self) -> None:
        """Close the resources of this process. Those of other running loops are closed in their loops, soon after."""
        for pid, loop in list(self._held):
            held = self._held.pop((pid, loop), None) if pid == os.getpid() else None
            if held is None:
                continue
            if loop is asyncio.get_running_loop():
                await held.keeper.aclose()
            elif loop.is_running():
                asyncio.run_coroutine_threadsafe(_end(held.keeper), loop)
            else:
                _abandon_held(held, self._abandon)

    def abandon(self, is_lost: Callable[[Key], bool]) -> None:
        """Abandon the resources of the loops for which `is_lost` returns True."""
        for key in list(self._held):
            held = self._held.pop(key, None) if is_lost(key) else None
            if held is not None:
                _abandon_held(held, self._abandon)

    async def _open(self, key: Key) -> R:
        self.abandon(_is_closed)
        resource = self._opened()
        keeper = cast("AsyncGeneratorType[None, None]", _keep(resource, self._close))
        self._held[key] = _Held(resource, keeper)
        await keeper.asend(None)
        return resource


def _abandon_held(held: _Held[R], abandon: Callable[[R], None]) -> None:
    if held.keeper.ag_frame is None:  # it was closed with its loop
        return
    abandon(held.resource)
    with contextlib.suppress(_Abandoned):
        held.keeper.athrow(_Abandoned()).send(None)  # resumes the generator directly: there is no loop to await it


def _close_dropped(held: Dict[Key, _Held[R]], abandon: Callable[[R], None]) -> None:
    """Close, in their loops, the resources of an owner that was garbage-collected. Runs in any thread."""
    while held:
        (_, loop), dropped = held.popitem()
        try:
            loop.call_soon_threadsafe(_start_end, loop, dropped.keeper)
        except RuntimeError:  # the loop is closed
            _abandon_held(dropped, abandon)


def _start_end(loop: asyncio.AbstractEventLoop, keeper: AsyncGeneratorType[None, None]) -> None:
    task = loop.create_task(_end(keeper))
    _ENDING.add(task)  # a loop refers to its tasks weakly
    task.add_done_callback(_ENDING.discard)


async def _keep(resource: R, close: Callable[[R], Awaitable[None]]) -> AsyncGenerator[None, None]:
    """Close the resource when the loop finishes its async generators, which is the only notice of a shutdown."""
    try:
        yield
    except GeneratorExit:
        await close(resource)
        raise


async def _end(keeper: AsyncGeneratorType[None, None]) -> None:
    with contextlib.suppress(RuntimeError):  # the loop is shutting down, and closes it too
        await keeper.aclose()


def _is_closed(key: Key) -> bool:
    return key[0] == os.getpid() and key[1].is_closed()


def _abandon_parents() -> None:
    for each in list(_ALL):
        each.abandon(lambda key: key[0] != os.getpid())


_ENDING: Set[asyncio.Task[None]] = set()
_ALL: weakref.WeakSet[PerLoop[Any]] = weakref.WeakSet()
if hasattr(os, "register_at_fork"):  # not on Windows, where there is no fork
    os.register_at_fork(after_in_child=_abandon_parents)
