"""Give a job in doubt the video that the user has named."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bluma_async._wire.prices import compute_price
from bluma_async.batch.bought_contents import BoughtContents
from bluma_async.batch.conflicts import is_taken, not_free, not_in_doubt
from bluma_async.batch.results import BatchResult, build_result
from bluma_async.errors import BlumaError
from bluma_async.resources._creates.reuse import ContentReuse
from bluma_async.stores.jobs import Conflict
from bluma_async.stores.states import JobState

if TYPE_CHECKING:
    from bluma_async.batch.api import BatchApi
    from bluma_async.stores.jobs import StoredJob
    from bluma_async.stores.ports import JobStore
    from bluma_async.types import Video

__all__ = ["adopt_video"]


async def adopt_video(store: JobStore, api: BatchApi, key: str, video_id: str) -> BatchResult:
    """Record the video of a job in doubt. `Batch.adopt` describes the errors."""
    job = await store.find(key)
    if job is None or job.state != JobState.IN_DOUBT:
        raise not_in_doubt(key, job)
    if await store.is_billed(video_id):
        raise not_free(video_id)
    video = await api.videos.get(video_id)
    outcome = await store.adopt(job.place, video.id, video.credits_charged or await _estimate(api, job, video))
    if not isinstance(outcome, Conflict):
        api.close_create(job.request_key, video.id)
        await BoughtContents(ContentReuse(api.session), store).remember(outcome)
        return build_result(outcome)
    raise not_free(video.id) if is_taken(outcome) else not_in_doubt(key, await store.find(key))


async def _estimate(api: BatchApi, job: StoredJob, video: Video) -> int:
    """
    Return the probable charge of a video whose state names none; 0 if its template cannot be read.

    The answer to its create was lost, so nobody knows the charge. With 0, the limit on credits would not count it.
    """
    try:
        listed = (await api.templates.get(job.template_id or video.template_id)).credits_per_video
    except BlumaError:
        return 0
    return 0 if listed is None else compute_price(listed, job.resolution)
