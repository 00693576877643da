"""
Limit how many files are downloaded at a time.

A download has a connection, a lock and an unfinished file open, all the time. The slots are other ones than those of
the API's requests: a callback of a download may call the API, and would wait for ever for a slot that its own download
holds.
"""

from __future__ import annotations

import weakref
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, AsyncGenerator

if TYPE_CHECKING:
    import asyncio

__all__ = ["TransferSlots"]

DESCRIPTORS = 8  # of each download: its connections, its lock, its file, and as many again for the rest of the program


class TransferSlots:
    """As many downloads at a time, in each event loop, as there may be connections."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._per_loop: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = (
            weakref.WeakKeyDictionary()
        )

    @asynccontextmanager
    async def slot(self) -> AsyncGenerator[None, None]:
        """Wait for a slot, and hold it."""
        import asyncio  # noqa: PLC0415 - a fifth of the SDK's import time

        loop = asyncio.get_running_loop()
        slots = self._per_loop.get(loop)
        if slots is None:
            slots = self._per_loop[loop] = asyncio.Semaphore(min(self._limit, _count_affordable()))
        async with slots:
            yield


def _count_affordable() -> int:
    """Return how many downloads fit into the files that the system lets this process open."""
    try:
        import resource  # noqa: PLC0415 - not on Windows, where the limit is far above any number of connections
    except ImportError:
        return 2**13 // DESCRIPTORS
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 2**20 if soft == resource.RLIM_INFINITY else max(soft // DESCRIPTORS, 1)
