"""
Take one job from its present state to its last: create, wait, save.

Rule 1: the intent is recorded before the request is sent, and the video's id before the template's next turn.
Rule 2: when the run is cancelled, a create in flight gets a few seconds to finish.
Rule 3: a create that was certainly refused is planned again or has failed. One whose outcome is unknown stays
`creating`: the next run searches for its video first, and this run submits nothing more.
"""

from __future__ import annotations

import asyncio
import uuid
from typing import TYPE_CHECKING, Any, Coroutine, TypeVar

from bluma_async._runtime.callbacks import call_back
from bluma_async._runtime.threads import in_thread
from bluma_async._wire.retry import is_certainly_refused
from bluma_async.batch.baseline import Baseline
from bluma_async.batch.conflicts import require_moved
from bluma_async.batch.folder import is_complete
from bluma_async.batch.results import build_result
from bluma_async.errors import (
    AmbiguousCreateError,
    BlumaError,
    NotFoundError,
    RateLimitError,
    ValidationError,
)
from bluma_async.stores.jobs import Intent
from bluma_async.stores.states import JobState
from bluma_async.types import Video, VideoStatus

if TYPE_CHECKING:
    from bluma_async.batch.api import BatchApi, StopSignal
    from bluma_async.batch.catalog import Catalog
    from bluma_async.batch.create_turns import CreateTurns
    from bluma_async.batch.credit_limit import CreditLimit
    from bluma_async.batch.options import BatchOptions
    from bluma_async.batch.recovery import Recovery
    from bluma_async.batch.results import BatchResult
    from bluma_async.stores.jobs import Outcome, StoredJob
    from bluma_async.stores.ports import JobStore

__all__ = ["JobRunner"]

T = TypeVar("T")
GRACE = 5.0  # seconds for a create in flight when the run is cancelled
RATE_LIMIT_PAUSE = 60.0  # seconds, if a 429 has no Retry-After


class _Unsubmitted(Exception):  # noqa: N818 - it is no error
    """Nothing was submitted, and there is no result: the job stays planned."""


class JobRunner:
    """Runs jobs, one by one or several at once."""

    def __init__(
        self,
        options: BatchOptions,
        api: BatchApi,
        store: JobStore,
        catalog: Catalog,
        credit_limit: CreditLimit,
        create_turns: CreateTurns,
        recovery: Recovery,
        stop: StopSignal,
    ) -> None:
        self._options = options
        self._api = api
        self._store = store
        self._catalog = catalog
        self._credit_limit = credit_limit
        self._create_turns = create_turns
        self._recovery = recovery
        self._baseline = Baseline(api.session)
        self._stop = stop

    async def run(self, job: StoredJob) -> BatchResult | None:
        """Take a job as far as possible; return its result, or None if it was not submitted."""
        try:
            if job.state == JobState.CREATING:
                job = await self._settle(job)
            if job.state == JobState.PLANNED:
                job = await self._create(job)
            if job.state == JobState.RENDERING:
                job = await self._wait(job)
            if job.state in (JobState.RENDERED, JobState.SAVED) and self._options.saves_files:
                job = await self._save(job)
        except _Unsubmitted:
            return None
        except BlumaError as error:
            error.video_id = error.video_id or job.video_id
            return build_result(await self._store.read(job.place) or job, error)
        return build_result(job)

    async def _settle(self, job: StoredJob) -> StoredJob:
        """Return a job whose create an earlier run has left open, once its outcome is known."""
        try:
            settled = await self._recovery.settled(job)
        except AmbiguousCreateError as error:
            if not error.candidates:
                self._stop.set(error)  # the list cannot be read, so no other create could be made certain
            raise
        await self._report(settled)
        return settled

    async def _create(self, job: StoredJob) -> StoredJob:
        async with self._create_turns.acquire(job.template_id):
            while not self._stop.is_set:
                await self._report(job, JobState.CREATING)
                try:
                    created = await _finish(self._send_create(job))
                except RateLimitError as refusal:
                    pause = RATE_LIMIT_PAUSE if refusal.retry_after is None else refusal.retry_after
                    await self._api.clock.sleep(pause)
                except BlumaError as failure:
                    if _concerns_only_this_job(failure):
                        raise
                    self._stop.set(failure)
                    if not is_certainly_refused(failure):
                        raise
                else:
                    await self._report(created)
                    return created
        raise _Unsubmitted

    async def _send_create(self, job: StoredJob) -> StoredJob:
        """Record the intent, send the create, and record its outcome."""
        await self._learn_price(job)
        with self._credit_limit.reserve(job.template_id, job.resolution):
            key = uuid.uuid4().hex
            await self._baseline.require(job.template_id)
            began = self._api.now()
            self._accept(await self._store.intend(job.place, Intent(key, began)))
            try:
                video = await self._api.videos.create(**job.arguments, idempotency_key=key)
            except BlumaError as failure:
                await self._record_failure(job, failure)
                raise
            return await self._record_bill(job, video)

    async def _learn_price(self, job: StoredJob) -> None:
        if not self._credit_limit.is_limited or job.template_id is None:
            return
        try:
            await self._catalog.read(job.template_id)
        except NotFoundError as failure:
            await self._record_failure(job, failure)
            raise

    async def _record_bill(self, job: StoredJob, video: Video) -> StoredJob:
        self._credit_limit.spend(job.template_id, job.resolution, video.credits_charged)
        try:
            return self._accept(await self._store.bill(job.place, video.id, video.credits_charged))
        except BlumaError as failure:
            failure.video_id = video.id  # the video is paid, and its id is recorded nowhere else
            self._stop.set(failure)
            raise

    async def _record_failure(self, job: StoredJob, failure: BlumaError) -> None:
        if isinstance(failure, AmbiguousCreateError) and failure.candidates:
            names = [video.id for video in failure.candidates]
            self._accept(await self._store.doubt(job.place, names, str(failure)))
        elif isinstance(failure, (ValidationError, NotFoundError)):
            self._accept(await self._store.fail(job.place, str(failure)))
        elif is_certainly_refused(failure):
            self._accept(await self._store.release(job.place, str(failure)))

    async def _wait(self, job: StoredJob) -> StoredJob:
        options, video_id = self._options, job.video_id or ""
        self._note_recent_create(job)
        try:
            video = await self._api.videos.wait_for(video_id, options.poll_interval, options.timeout)
        except NotFoundError as gone:
            self._accept(await self._store.fail(job.place, str(gone)))
            raise
        if video.status == VideoStatus.FAILED:
            detail = video.error.get("detail") if video.error else None
            self._credit_limit.refund(job.charged)
            reason = f"Video {video_id} failed: {detail or 'no reason was given'}"
            return await self._reported(await self._store.refund(job.place, reason))
        charged = max(job.charged, video.credits_charged)
        return await self._reported(await self._store.mark_rendered(job.place, charged, video.size_bytes))

    def _note_recent_create(self, job: StoredJob) -> None:
        """Note when a create of an earlier process began: its video may not be readable yet, like one of this run."""
        session, now = self._api.session, self._api.clock.now()
        present = self._api.now()
        if job.video_id is not None and job.started_at is not None and not session.evidence.knows_create(job.video_id):
            age = (present - job.started_at).total_seconds()
            session.evidence.mark_created(job.video_id, now - max(age, 0.0))

    async def _save(self, job: StoredJob) -> StoredJob:
        file, size = self._options.build_path(job.key), job.size
        # A crash can come between the file and its record: the file is then complete, and only recorded.
        if not await in_thread(is_complete, str(file), size):
            try:
                size = await self._api.videos.save(job.video_id or "", file, overwrite=True)
            except BlumaError as failure:
                if type(failure) is BlumaError:  # the disk refused the file: more videos could not be kept either
                    self._stop.set(failure)
                raise
        return await self._reported(await self._store.mark_saved(job.place, str(file), size))

    def _accept(self, outcome: Outcome) -> StoredJob:
        return require_moved(outcome, self._store.name)

    async def _reported(self, outcome: Outcome) -> StoredJob:
        job = self._accept(outcome)
        await self._report(job)
        return job

    async def _report(self, job: StoredJob, state: JobState | None = None) -> None:
        """Call the user's callback with a job, in its own state or in the one it is about to have."""
        if self._options.on_change is not None:
            result = build_result(job)
            result.state = state or job.state
            await call_back(self._options.on_change, result)


def _concerns_only_this_job(failure: BlumaError) -> bool:
    """Return whether a create failed because of its own content, so that other jobs can succeed."""
    if isinstance(failure, AmbiguousCreateError):
        return bool(failure.candidates)
    return isinstance(failure, (ValidationError, NotFoundError))


async def _finish(work: Coroutine[Any, Any, T]) -> T:
    """Await work that gets a few seconds to finish if its caller is cancelled."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task], timeout=GRACE)
        task.cancel()
        await asyncio.wait([task])
        _ = task.cancelled() or task.exception()
        raise
