"""Wait for a job of a journal, whichever process works on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bluma_async._wire.checks import invalid
from bluma_async.batch.results import build_result
from bluma_async.errors import WaitTimeoutError
from bluma_async.stores.states import ENDED, JobState

if TYPE_CHECKING:
    from bluma_async._runtime.clock import Clock
    from bluma_async.batch.results import BatchResult
    from bluma_async.stores.ports import JobStore

__all__ = ["wait_for_job"]

INTERVAL = 0.5  # seconds between two reads of a store


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
    ended = (*ENDED, JobState.SAVED) if saves else (*ENDED, JobState.SAVED, JobState.RENDERED)
    while True:
        job = await store.find(key)
        if job is None:
            raise invalid("key", f"There is no job {key!r} in the journal {store.name}.")
        if job.state in ended:
            return build_result(job)
        left = ends - clock.now()
        if left <= 0:
            video = f", video {job.video_id}" if job.video_id else ""
            raise WaitTimeoutError(
                f"Waiting timed out: job {key!r} had not ended after {timeout:g} s (last seen: {job.state}{video}). It "
                "was not changed; wait again with its key.",
                video_id=job.video_id,
            )
        await clock.sleep(min(INTERVAL, left))
