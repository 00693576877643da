"""Record the videos of a journal in the index of contents, so that other journals and single creates can reuse them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bluma_async.resources._reuse import hash_content
from bluma_async.stores.states import JobState

if TYPE_CHECKING:
    from bluma_async.resources._reuse import ContentReuse
    from bluma_async.stores.ports import JobStore

__all__ = ["record_contents"]

BOUGHT = (JobState.RENDERING, JobState.RENDERED, JobState.SAVED)


async def record_contents(store: JobStore, contents: ContentReuse) -> None:
    """Record the videos that the jobs of a journal have, if the client wants to reuse videos. Older entries stay."""
    for state in BOUGHT if contents.is_wanted else ():
        after = 0
        while page := await store.list_jobs(state, after):
            hashed = ((hash_content(job.arguments), job) for job in page if not job.is_reused)
            entries = {content: job.video_id for content, job in hashed if content is not None and job.video_id}
            await contents.record_older(entries)
            after = page[-1].place
