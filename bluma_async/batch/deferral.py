"""Leave interrupted creates until they are settled, so that no worker waits for them while there are other jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING, AsyncGenerator, List, Set

from bluma_async.stores.states import JobState

if TYPE_CHECKING:
    from bluma_async.batch.recovery import Recovery
    from bluma_async.stores.jobs import StoredJob

__all__ = ["defer_interrupted"]


async def defer_interrupted(
    jobs: AsyncGenerator[StoredJob, None], recovery: Recovery
) -> AsyncGenerator[StoredJob, None]:
    """Yield jobs, interrupted ones not before they are settled."""
    waiting: List[StoredJob] = []
    seen: Set[int] = set()
    try:
        async for job in jobs:
            seen.add(job.place)
            for settled in [entry for entry in waiting if recovery.is_settled(entry)]:
                waiting.remove(settled)
                yield settled
            if job.state == JobState.CREATING and not recovery.is_settled(job):
                waiting.append(job)
            else:
                yield job
        for job in waiting:
            yield job
        async for job in recovery.list_left(seen):
            yield job
    finally:
        await jobs.aclose()
