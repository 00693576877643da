"""
Tell the planned jobs that nobody waits for any more from those that a run is to create.

Rule: a live batch plans a job for one create, which somebody asks for at that moment. If the process ends before the
create is sent, or the create was not accepted, the job must not be bought by a later run: nobody asks for it then. A
retry by the user is a plan of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bluma_async.stores.states import JobState
from bluma_async.stores.transitions import REPLAN

if TYPE_CHECKING:
    from bluma_async.stores.jobs import StoredJob
    from bluma_async.stores.ports import JobStore

__all__ = ["ABANDONED", "ON_REQUEST", "fail_abandoned", "is_abandoned"]

ON_REQUEST = "a create on request"  # the origin of the jobs of a live batch
ABANDONED = "Its create was interrupted before it was accepted. Nothing was bought."


async def is_abandoned(store: JobStore, job: StoredJob) -> bool:
    """Return whether a job is planned for a create on request that has ended."""
    if job.state != JobState.PLANNED or job.origin != ON_REQUEST:
        return False
    history = await store.history(job.place)
    return not any(line.note == REPLAN.note for line in history)


async def fail_abandoned(store: JobStore) -> None:
    """Record all abandoned jobs of a store as failed. No create may be under way."""
    after = 0
    while page := await store.list_jobs(JobState.PLANNED, after):
        for job in page:
            if await is_abandoned(store, job):
                await store.fail(job.place, ABANDONED)
        after = page[-1].place
