"""
Wait for a job of a journal, whichever process works on it.

Rule 1: a journal in PostgreSQL tells when the job has changed. One in a file, or whose messages do not arrive, is read
twice a second.
Rule 2: a database that is lost during a wait ends it no earlier than its timeout. One that cannot be opened, or read at
the start, is an error at once: its URL may be wrong. Another wait is harmless.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, AsyncGenerator, Awaitable, Callable

from bluma_async._runtime.tasks import within
from bluma_async._wire.checks import invalid
from bluma_async.batch.results import build_result
from bluma_async.errors import WaitTimeoutError
from bluma_async.sharing.listener import Listener
from bluma_async.stores.postgres.failures import LostDatabaseError
from bluma_async.stores.postgres.jobs import PostgresJobStore
from bluma_async.stores.postgres.news import find_news
from bluma_async.stores.states import ENDED, JobState

if TYPE_CHECKING:
    from bluma_async._runtime.clock import Clock
    from bluma_async.batch.results import BatchResult
    from bluma_async.stores.jobs import StoredJob
    from bluma_async.stores.ports import JobStore

__all__ = ["wait_for_job"]

INTERVAL = 0.5  # seconds between two reads of a store that tells nothing
LISTENING = 30.0  # seconds between two reads of one that does
LAST_READ = 1.0  # seconds that a read at the end of a wait may take
Pause = Callable[[float], Awaitable[None]]


async def wait_for_job(store: JobStore, clock: Clock, key: str, timeout: float, *, saves: bool) -> BatchResult:
    """
    Return the result of a job when it has ended; see `Batch.wait`.

    Args:
        store: The store, which another process may write to.
        clock: Measures the timeout.
        key: The key of the job.
        timeout: Seconds; the store is read at least once.
        saves: Whether a job ends with its file; otherwise it ends with its render.
    """
    ends = clock.now() + timeout
    job, is_lost = await _find(store, key), False
    async with _watching(store, clock, job.place) as pause:
        while not _has_ended(job, saves=saves):
            left = ends - clock.now()
            if left <= 0:
                raise _timed_out(job, timeout, await _explain(store, is_lost=is_lost))
            await pause(left)
            found = await _find_again(store, key, ends - clock.now())
            job, is_lost = found or job, found is None
    return build_result(job)


async def _find(store: JobStore, key: str) -> StoredJob:
    job = await store.find(key)
    if job is None:
        raise invalid("key", f"There is no job {key!r} in the journal {store.name}.")
    return job


async def _find_again(store: JobStore, key: str, left: float) -> StoredJob | None:
    """Return the job; None if its database is lost, or does not answer in the time that is left."""
    limit = max(left, LAST_READ) if isinstance(store, PostgresJobStore) else None  # a file is read to the end
    try:
        return await within(limit, _find(store, key))
    except (LostDatabaseError, TimeoutError):
        return None


def _has_ended(job: StoredJob, *, saves: bool) -> bool:
    return job.state in ((*ENDED, JobState.SAVED) if saves else (*ENDED, JobState.SAVED, JobState.RENDERED))


@contextlib.asynccontextmanager
async def _watching(store: JobStore, clock: Clock, place: int) -> AsyncGenerator[Pause, None]:
    """Give a function that waits until a job may have changed, for so many seconds at most."""
    news = find_news(store)
    if news is None:
        yield lambda left: clock.sleep(min(INTERVAL, left))
        return
    changed, listener = asyncio.Event(), Listener(news)

    async def pause(left: float) -> None:
        """Sleep until the job has changed."""
        longest = min(LISTENING if listener.hears else INTERVAL, left)
        waits = [asyncio.ensure_future(work) for work in (clock.sleep(longest), changed.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)
        changed.clear()

    try:
        async with listener.watching(f"job {place}", changed.set):
            yield pause
    finally:
        await listener.close()


async def _explain(store: JobStore, *, is_lost: bool) -> str:
    """Return why a job may not have ended: its database is lost, or no process works on it; empty if neither."""
    if not isinstance(store, PostgresJobStore):
        return ""
    try:
        if not is_lost and await within(LAST_READ, store.has_workers()):
            return ""
    except (LostDatabaseError, TimeoutError):
        is_lost = True
    if is_lost:
        return f"Since then, the database {store.name} could not be read. "
    return "No process that could work on the journal has it open now. "


def _timed_out(job: StoredJob, timeout: float, reason: str) -> WaitTimeoutError:
    video = f", video {job.video_id}" if job.video_id else ""
    return WaitTimeoutError(
        f"Waiting timed out: job {job.key!r} had not ended after {timeout:g} s (last seen: {job.state}{video}). "
        f"{reason}It was not changed; wait again with its key.",
        video_id=job.video_id,
    )
