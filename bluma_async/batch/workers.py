"""
Run several jobs at a time, and yield results as they finish.

Rule 1: backpressure: a worker waits until its result is consumed before it starts another job.
Rule 2: a batch that stops early still waits for the videos that are paid, and saves them.
Rule 3: an exception of the user's callback, or of the source of jobs, ends the run at once.
Rule 4: however the run ends, all its tasks have ended.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, AsyncGenerator, List, Union

from bluma_async.errors import BlumaError

if TYPE_CHECKING:
    from bluma_async.batch.api import StopSignal
    from bluma_async.batch.job_runner import JobRunner
    from bluma_async.batch.options import BatchOptions
    from bluma_async.batch.results import BatchResult
    from bluma_async.stores.jobs import StoredJob

__all__ = ["Workers"]

Message = Union["BatchResult", BaseException, None]  # None: all workers have ended


class Workers:
    """The workers of one run."""

    def __init__(
        self, options: BatchOptions, runner: JobRunner, stop: StopSignal, jobs: AsyncGenerator[StoredJob, None]
    ) -> None:
        self._options = options
        self._runner = runner
        self._stop = stop
        self._jobs = jobs
        self._source_lock = asyncio.Lock()  # an async generator cannot be advanced by two tasks at once
        self._messages: asyncio.Queue[Message] = asyncio.Queue(options.concurrency)

    async def results(self) -> AsyncGenerator[BatchResult, None]:
        """Yield the result of each job; raise the error that ends the run."""
        workers = [asyncio.ensure_future(self._work()) for _ in range(self._options.concurrency)]
        end = asyncio.ensure_future(self._report_end(workers))
        try:
            while (message := await self._messages.get()) is not None:
                if isinstance(message, BaseException):
                    raise message
                if message.error is not None and self._options.on_error == "raise":
                    raise message.error
                yield message
            if self._stop.reason is not None and self._options.on_error == "raise":
                raise self._stop.reason
        finally:
            self._stop.end_waits()  # of creates that were not sent
            for task in (end, *workers):
                task.cancel()
            await asyncio.gather(end, *workers, return_exceptions=True)
            await self._jobs.aclose()

    async def _work(self) -> None:
        try:
            while (job := await self._take_next()) is not None:
                await self._run(job)
        except BlumaError:
            raise  # reported when the other workers have finished their jobs
        except Exception as error:  # raised by a callback or by a source of jobs
            await self._messages.put(error)
            raise

    async def _run(self, job: StoredJob) -> None:
        try:
            result = await self._runner.run(job)
        except BlumaError as error:  # the journal cannot be written
            self._stop.set(error)
            raise
        if result is not None:
            await self._messages.put(result)

    async def _take_next(self) -> StoredJob | None:
        async with self._source_lock:
            try:
                return await self._jobs.__anext__()
            except StopAsyncIteration:
                return None

    async def _report_end(self, workers: List[asyncio.Task[None]]) -> None:
        ends = await asyncio.gather(*workers, return_exceptions=True)
        await self._messages.put(next((end for end in ends if end is not None), None))
