"""
Run jobs, so many at a time, and give results as they come.

Rule 1: who takes no results is given no more jobs: workers wait until theirs is taken.
Rule 2: when the batch stops early, what is paid is waited for and saved all the same.
Rule 3: what fails in a callback of the user's, or in the source of jobs, ends the run at once.
Rule 4: whatever ends the run, no task of it is left behind.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, AsyncGenerator, List, Union

from bluma_async.errors import BlumaError

if TYPE_CHECKING:
    from bluma_async.batch.records import Entry
    from bluma_async.batch.steps import Steps
    from bluma_async.batch.terms import Stop, Terms
    from bluma_async.types import BatchResult

__all__ = ["Run"]

Outcome = Union["BatchResult", BaseException, None]  # None: nothing follows


class Run:
    """One run of a batch."""

    def __init__(self, terms: Terms, steps: Steps, stop: Stop, entries: AsyncGenerator[Entry, None]) -> None:
        self._terms = terms
        self._steps = steps
        self._stop = stop
        self._entries = entries
        self._turn = asyncio.Lock()
        self._outcomes: asyncio.Queue[Outcome] = asyncio.Queue(terms.concurrency)

    async def results(self) -> AsyncGenerator[BatchResult, None]:
        """Give what becomes of each job; raise what ends the run."""
        workers = [asyncio.ensure_future(self._work()) for _ in range(self._terms.concurrency)]
        end = asyncio.ensure_future(self._end(workers))
        try:
            while (outcome := await self._outcomes.get()) is not None:
                if isinstance(outcome, BaseException):
                    raise outcome
                if outcome.error is not None and self._terms.on_error == "raise":
                    raise outcome.error
                yield outcome
            if self._stop.reason is not None and self._terms.on_error == "raise":
                raise self._stop.reason
        finally:
            for task in (end, *workers):
                task.cancel()
            await asyncio.gather(end, *workers, return_exceptions=True)
            await self._entries.aclose()

    async def _work(self) -> None:
        try:
            while (entry := await self._next()) is not None:
                await self._take(entry)
        except BlumaError:
            raise  # once the others have finished what they have
        except Exception as error:  # the user's own, from a callback or a source of jobs
            await self._outcomes.put(error)
            raise

    async def _take(self, entry: Entry) -> None:
        try:
            result = await self._steps.take(entry)
        except BlumaError as error:  # the journal cannot be written
            self._stop.because(error)
            raise
        if result is not None:
            await self._outcomes.put(result)

    async def _next(self) -> Entry | None:
        async with self._turn:
            try:
                return await self._entries.__anext__()
            except StopAsyncIteration:
                return None

    async def _end(self, workers: List[asyncio.Task[None]]) -> None:
        ends = await asyncio.gather(*workers, return_exceptions=True)
        await self._outcomes.put(next((end for end in ends if end is not None), None))
