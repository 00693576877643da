"""
Settle the creates that an earlier run left without an outcome, after a check that the journal is of this account.

Rule 1: a video that was created since an interrupted create began, and that no job explains, is that create's if it is
the only one.
Rule 2: if there is none, the search is repeated after a pause: the request may still have been on its way.
Rule 3: if there are several, the job is put in doubt, and billed again only if the user asks for it.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, List

from bluma_async.batch.conflicts import require_moved
from bluma_async.batch.results import build_result
from bluma_async.errors import AmbiguousCreateError, InvalidArgumentError, NotFoundError
from bluma_async.resources._candidates import created_since

if TYPE_CHECKING:
    from bluma_async.batch.api import BatchApi
    from bluma_async.batch.results import BatchResult
    from bluma_async.stores.jobs import StoredJob
    from bluma_async.stores.ports import JobStore
    from bluma_async.types import Video

__all__ = ["recover", "require_account"]

RECENT = 1000  # videos marked as known; of these, the search can meet only those of the first listed second


async def require_account(store: JobStore, api: BatchApi) -> None:
    """
    Require that the journal is of this account. With another key, its newest video must be readable.

    Raises:
        InvalidArgumentError: The video cannot be read with this key.
    """
    options = api.session.options
    fingerprint = hashlib.sha256(f"{options.base_url} {options.api_key}".encode()).hexdigest()[:16]
    newest = await store.list_recent_videos(1)
    if newest and await store.read_account() != fingerprint:
        try:
            await api.videos.get(newest[0])
        except NotFoundError as problem:
            raise InvalidArgumentError(
                f"The journal {store.name} is of another account: this key cannot read its video {newest[0]}. Use "
                "that account's key, or another journal. Nothing was created."
            ) from problem
    await store.write_account(fingerprint)
    if not api.session.shared.server_clock.is_known:
        await api.videos.list(limit=1)  # the start of a create is recorded by the server's clock


async def recover(store: JobStore, api: BatchApi) -> List[BatchResult]:
    """
    Settle every create that has an intent and no outcome; return the jobs that are now in doubt.

    Raises:
        BlumaError: The search for a video failed. Nothing was created.
    """
    for video_id in await store.list_recent_videos(RECENT):
        api.session.evidence.mark_known(video_id)
    api.session.evidence.mark_candidates(await store.list_candidates())
    return [doubt for job in await store.list_creating() if (doubt := await _settle(store, api, job))]


async def _settle(store: JobStore, api: BatchApi, job: StoredJob) -> BatchResult | None:
    found = await _search(store, api, job)
    if not found:
        await api.clock.sleep(api.session.options.retry_delay)
        found = await _search(store, api, job)
    if not found:
        require_moved(await store.release(job.place, "it was not accepted"), store.name)
        return None
    if len(found) == 1:
        video = await api.videos.get(found[0].id)
        outcome = await store.bill(job.place, video.id, video.credits_charged, "found again")
        require_moved(outcome, store.name)
        api.session.evidence.mark_known(video.id)
        return None
    return await _put_in_doubt(store, api, job, found)


async def _put_in_doubt(store: JobStore, api: BatchApi, job: StoredJob, found: List[Video]) -> BatchResult:
    names = [video.id for video in found]
    error = AmbiguousCreateError(
        f"The create of job {job.key} was interrupted, and {len(found)} videos may be it: {', '.join(names)}. It was "
        "not sent again; adopt one of them, or have it resubmitted.",
        candidates=found,
        idempotency_key=job.request_key,
        template_id=job.template_id,
        started_at=job.started_at,
    )
    api.session.evidence.mark_candidates(names)
    doubtful = require_moved(await store.doubt(job.place, names, str(error)), store.name)
    return build_result(doubtful, error)


async def _search(store: JobStore, api: BatchApi, job: StoredJob) -> List[Video]:
    """Return the videos created since the job's create began that are no other job's, nor a candidate of one."""
    explained = set(await store.list_candidates())
    videos = created_since(api.session, lambda: job.started_at, template_id=job.template_id)
    return [video async for video in videos if video.id not in explained and not await store.is_billed(video.id)]
