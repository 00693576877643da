"""
Settle the interrupted creates of a live batch when callers ask for their jobs.

Rule 1: the settlement of a job runs in one task, which all its callers share. It continues after the timeout or the
cancellation of a caller: if each short wait began it again, it would never end. Only `end` cancels it.
Rule 2: creates and settlements take turns.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Dict

from bluma_async.stores.states import JobState

if TYPE_CHECKING:
    from bluma_async.batch.recovery import Recovery
    from bluma_async.stores.ports import JobStore

__all__ = ["Settlements"]


class Settlements:
    """The settlements of one live batch."""

    def __init__(self, store: JobStore, recovery: Recovery, turn: asyncio.Lock) -> None:
        self._store = store
        self._recovery = recovery
        self._turn = turn
        self._tasks: Dict[str, asyncio.Task[None]] = {}  # by key, while they run

    async def wait(self, key: str, longest: float | None) -> None:
        """
        Wait until the create of a job is settled or cannot be settled now, for at most so many seconds.

        Raises:
            BlumaError: The store failed. Every caller that waits gets the error.
        """
        ended, _ = await asyncio.wait([self._tasks.get(key) or self._begin(key)], timeout=longest)
        for task in ended:
            task.result()

    async def end(self) -> None:
        """Cancel the settlements, and wait until they have ended."""
        while self._tasks:
            for task in self._tasks.values():
                task.cancel()
            await asyncio.wait(list(self._tasks.values()))

    def _begin(self, key: str) -> asyncio.Task[None]:
        def forget(ended: asyncio.Task[None]) -> None:
            del self._tasks[key]
            _ = ended.cancelled() or ended.exception()  # else asyncio would log that nobody has read it

        task = self._tasks[key] = asyncio.ensure_future(self._settle(key))
        task.add_done_callback(forget)
        return task

    async def _settle(self, key: str) -> None:
        async with self._turn:
            await self._recovery.rest()
            job = await self._store.find(key)
            if job is not None and job.state == JobState.CREATING:
                await self._recovery.begin()
                await self._recovery.rest()
