"""Objects that belong to one event loop, such as locks: like `threading.local`, but for loops."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Callable, Generic, TypeVar

from bluma_async._runtime.running_loop import get_running_loop

if TYPE_CHECKING:
    import asyncio

__all__ = ["LoopLocal"]

T = TypeVar("T")


class LoopLocal(Generic[T]):
    """Makes an object at its first use in an event loop, and drops it with the loop. Nothing has to be closed."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._made: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, T] = weakref.WeakKeyDictionary()

    def get(self) -> T:
        """Return the running loop's object."""
        loop = get_running_loop()
        made = self._made.get(loop)
        if made is None:
            made = self._made[loop] = self._make()
        return made
