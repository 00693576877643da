"""Wait for a job of a journal, whichever process works on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bluma_async._wire.checks import invalid
from bluma_async.batch.results import build_result
from bluma_async.errors import WaitTimeoutError
from bluma_async.stores.states import JobState

if TYPE_CHECKING:
    from bluma_async._runtime.clock import Clock
    from bluma_async.batch.results import BatchResult
    from bluma_async.stores.ports import JobStore

__all__ = ["wait_for_job"]

INTERVAL = 1.0  # seconds between two reads of a store
ENDED = (JobState.SAVED, JobState.FAILED, JobState.IN_DOUBT)


async def wait_for_job(store: JobStore, clock: Clock, key: str, timeout: float, *, saves: bool) -> BatchResult:
    """Return the result of a job when it is finished; see `Batch.wait`."""
    ends = clock.now() + timeout
    ended = ENDED if saves else (*ENDED, JobState.RENDERED)
    while True:
        job = await store.find(key)
        if job is None:
            raise invalid("key", f"There is no job {key!r} in the journal {store.name}.")
        if job.state in ended:
            return build_result(job)
        left = ends - clock.now()
        if left <= 0:
            raise WaitTimeoutError(
                f"Waiting timed out: job {key!r} was not finished after {timeout:g} s (last seen: {job.state}). It "
                "continues; wait again with its key.",
                video_id=job.video_id,
            )
        await clock.sleep(min(INTERVAL, left))
