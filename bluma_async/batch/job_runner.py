"""Take one job from its present state to its last: create, wait, save. `job_creator.py` has the create."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bluma_async._runtime.callbacks import call_back
from bluma_async._runtime.threads import in_thread
from bluma_async.batch.abandoned import ABANDONED, is_abandoned
from bluma_async.batch.conflicts import Unsubmitted, require_moved
from bluma_async.batch.job_creator import JobCreator
from bluma_async.batch.presets import Presets
from bluma_async.batch.results import build_result
from bluma_async.errors import AmbiguousCreateError, BlumaError, InvalidArgumentError, NotFoundError
from bluma_async.resources._videos.saving import save_video
from bluma_async.stores.states import JobState
from bluma_async.transfer.places import require_place, required
from bluma_async.types import Video, VideoStatus

if TYPE_CHECKING:
    from bluma_async.batch.api import BatchApi, StopSignal
    from bluma_async.batch.bought_contents import BoughtContents
    from bluma_async.batch.catalog import Catalog
    from bluma_async.batch.create_turns import CreateTurns
    from bluma_async.batch.credit_limit import CreditLimit
    from bluma_async.batch.options import BatchOptions
    from bluma_async.batch.recovery import Recovery
    from bluma_async.batch.results import BatchResult
    from bluma_async.batch.sharing import SharedJobs
    from bluma_async.stores.jobs import Outcome, StoredJob
    from bluma_async.stores.ports import JobStore

__all__ = ["JobRunner"]


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
        contents: BoughtContents,
        recovery: Recovery,
        stop: StopSignal,
        shared: SharedJobs | None = None,
    ) -> None:
        self._options = options
        self._shared = shared
        self._api = api
        self._store = store
        self._credit_limit = credit_limit
        self._contents = contents
        self._recovery = recovery
        self._stop = stop
        presets = Presets(api, store, is_wanted=options.tag == "preset")
        self._creator = JobCreator(
            api, store, catalog, credit_limit, create_turns, contents, presets, stop, self._report, self._require_place
        )

    async def run(self, job: StoredJob) -> BatchResult | None:
        """Take a job as far as possible; return its result, or None if it was not submitted."""
        if self._shared is None:
            return await self._run(job)
        result = None
        try:
            result = await self._run(job)
        finally:
            await self._shared.finish(job, is_failed=result is not None and result.error is not None)
        return result

    async def _run(self, job: StoredJob) -> BatchResult | None:
        may_have_file = job.state in (JobState.RENDERED, JobState.SAVED)
        try:
            if job.state == JobState.RENDERING:  # another process may have created it
                await self._contents.remember(job)
            if job.state == JobState.CREATING:
                job = await self._settle(job)
            if job.state == JobState.PLANNED:
                job = await self._begin(job)
            if job.state == JobState.RENDERING:
                job = await self._wait(job)
            if job.state in (JobState.RENDERED, JobState.SAVED) and self._options.saves_files:
                job = await self.save(job, may_have_file=may_have_file)
        except Unsubmitted:
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
            self._contents.note_doubt(job)
            if not error.candidates:
                self._stop.set(error)  # the list cannot be read, so no other create could be made certain
            raise
        await self._report(settled)
        return settled

    async def _begin(self, job: StoredJob) -> StoredJob:
        """Create the video of a planned job. One that was planned for an earlier request has failed."""
        if await is_abandoned(self._store, job):
            return await self._reported(await self._store.fail(job.place, ABANDONED))
        return await self._creator.create(job)

    async def create(self, job: StoredJob) -> StoredJob:
        """Return a planned job with its video, which renders."""
        return await self._creator.create(job)

    async def _require_place(self, job: StoredJob) -> None:
        """
        Require that the file of a job can be written, before the job is billed.

        Raises:
            InvalidArgumentError: It cannot. The job stays planned.
        """
        if not self._options.saves_files:
            return
        try:
            await require_place(self._options.build_path(job.key), overwrite=True, knows_folder=True)
        except InvalidArgumentError as refusal:
            if isinstance(refusal.__cause__, OSError):  # the disk: no other file could be written either
                self._stop.set(refusal)
            raise

    async def _wait(self, job: StoredJob) -> StoredJob:
        options, video_id = self._options, job.video_id or ""
        self.note_recent_create(job)
        try:
            video = await self._api.videos.wait_for(
                video_id,
                options.poll_interval,
                options.timeout,
                on_status=options.on_status,
                final_statuses=options.final_statuses,
            )
        except NotFoundError as gone:
            self._accept(await self._store.fail(job.place, str(gone)))
            raise
        return await self.record_end(job, video)

    async def record_end(self, job: StoredJob, video: Video) -> StoredJob:
        """Record the final state of a job's video."""
        video_id = video.id
        if video.status == VideoStatus.FAILED:
            detail = video.error.get("detail") if video.error else None
            self._credit_limit.refund(job.charged)
            await self._contents.forget(job)
            reason = f"Video {video_id} failed: {detail or 'no reason was given'}"
            return await self._reported(await self._store.refund(job.place, reason))
        if video.status != VideoStatus.COMPLETED:  # one of `final_statuses`: whether it is refunded is not known
            reason = f"Video {video_id} has ended with the status {str(video.status)!r}, and has no file."
            return await self._reported(await self._store.fail(job.place, reason))
        # The first charge may be an estimate, and 0 means that this answer has none. A reused video was billed before.
        charged = 0 if job.is_reused else video.credits_charged or job.charged
        self._credit_limit.correct(job.charged, charged)
        return await self._reported(await self._store.mark_rendered(job.place, charged, video.size_bytes))

    def note_recent_create(self, job: StoredJob) -> None:
        """
        Note that the video of an earlier process may not be readable yet, like one of this run.

        The lag of reads counts from now, since the journal does not know when the create was answered: it records a
        time before it began, and retries may lie between. A video that is gone is reported a minute later; the other
        way, a paid video would be reported as gone.
        """
        evidence, video_id = self._api.session.evidence, job.video_id
        if video_id is not None and not evidence.knows_create(video_id):
            evidence.mark_created(video_id, self._api.clock.now())

    async def save(self, job: StoredJob, *, may_have_file: bool = True) -> StoredJob:
        """Save the video of a rendered job, unless its file is complete already."""
        file, size = self._options.build_path(job.key), job.size
        # A crash can come between the file and its record: the file is then complete, and only recorded. A job that
        # rendered in this run has no file yet, so the disk is not asked.
        if not (may_have_file and await in_thread(self._options.is_complete, str(file), size)):
            video = Video(id=job.video_id or "", status=VideoStatus.COMPLETED, size_bytes=size)
            try:
                async with required(file) as place:
                    size = await save_video(self._api.session, video, place, self._options.verify)
            except BlumaError as failure:
                is_disk = type(failure) is BlumaError and isinstance(failure.__cause__, OSError)
                if is_disk:  # more videos could not be kept either
                    self._stop.set(failure)
                raise
        return await self._reported(await self._store.mark_saved(job.place, str(file), size))

    def _accept(self, outcome: Outcome) -> StoredJob:
        return require_moved(outcome, self._store)

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
