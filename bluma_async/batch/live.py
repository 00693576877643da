"""
A batch whose jobs come one by one, on request, while its journal stays open.

Rule 1: each create goes the way of every other job of a batch: price held, intent recorded, bill recorded. What is
already in the journal is not created again.
Rule 2: a job whose create certainly bought nothing has failed, however the create ended: refused, cancelled, or settled
later. It does not stay planned, and one that a killed process has left planned is not created by a later run.
Rule 3: a create runs in a task of its own, for which the end of the batch waits: its video is recorded although its
caller is gone.
Rule 4: creates and their settlements take turns. A reason to stop concerns the create that met it, not later ones.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any, AsyncGenerator, List, Mapping, Tuple

import attrs

from bluma_async._runtime.notices import collect_warnings
from bluma_async._runtime.tasks import finish
from bluma_async._runtime.threads import in_thread
from bluma_async._wire.checks import invalid, require_seconds
from bluma_async._wire.content import is_same_content
from bluma_async.batch.abandoned import ABANDONED, ON_REQUEST, fail_abandoned
from bluma_async.batch.api import StopSignal
from bluma_async.batch.batch import read_setup
from bluma_async.batch.conflicts import Unsubmitted, build_plan_error
from bluma_async.batch.jobs_by_content import JobsByContent
from bluma_async.batch.journals import choose_store
from bluma_async.batch.owned_tasks import OwnedTasks
from bluma_async.batch.parsing import parse_row
from bluma_async.batch.parts import build_parts
from bluma_async.batch.results import build_result
from bluma_async.batch.row_checks import RowChecks
from bluma_async.batch.settlements import Settlements
from bluma_async.errors import AmbiguousCreateError, BlumaError, NotFoundError, WaitTimeoutError
from bluma_async.stores.jobs import Conflict
from bluma_async.stores.states import JobState
from bluma_async.types import Video

if TYPE_CHECKING:
    from bluma_async.batch.api import BatchApi
    from bluma_async.batch.batch import Batch
    from bluma_async.batch.options import BatchOptions
    from bluma_async.batch.parsing import ParsedRow
    from bluma_async.batch.parts import Parts
    from bluma_async.batch.results import BatchResult
    from bluma_async.stores.jobs import BatchStatus, Job, StoredJob
    from bluma_async.stores.ports import JobStore

__all__ = ["LiveBatch", "open_live"]

ORIGIN = "job"  # stands before the column in errors
JobAndVideo = Tuple["BatchResult", "Video | None"]


@asynccontextmanager
async def open_live(batch: Batch) -> AsyncGenerator[LiveBatch, None]:
    """
    Open the journal of a batch, which no other process can write to meanwhile.

    Raises:
        InvalidArgumentError: The folder cannot be written to, the journal is of another account, or is not a file.
        BlumaError: Another process uses the journal, or the disk refuses.
    """
    options, api = read_setup(batch)
    if isinstance(options.journal, str):
        raise invalid("journal", "The journal must be a file: workers create the jobs of a database.")
    if options.files is not None:
        files = options.files.unlisted()
        await files.require()
        options = attrs.evolve(options, files=files)
    async with AsyncExitStack() as opened:
        store = await choose_store(options)(to_write=True)
        opened.push_async_callback(store.close)
        stop = StopSignal()
        parts = await build_parts(options, api, store, stop, plans_again=False)
        await store.begin_run()
        opened.push_async_callback(parts.recovery.end)
        live = LiveBatch(options, api, store, parts, stop)
        await live.begin()
        opened.push_async_callback(live.end)
        yield live


class LiveBatch:
    """The jobs of one journal, for one caller after another."""

    def __init__(self, options: BatchOptions, api: BatchApi, store: JobStore, parts: Parts, stop: StopSignal) -> None:
        self._options = options
        self._api = api
        self._store = store
        self._parts = parts
        self._stop = stop
        self._contents = JobsByContent(store)
        self._owned = OwnedTasks()
        self._turn = asyncio.Lock()
        self._settlements = Settlements(store, parts.recovery, self._turn)
        self._moves = asyncio.Lock()

    @property
    def credits_left(self) -> float | None:
        """The credits that the next create may cost; None without a limit. Open creates count with their prices."""
        return self._parts.credit_limit.left

    async def begin(self) -> None:
        """Read the jobs that the journal has. Those that an earlier process has planned and left have failed."""
        await fail_abandoned(self._store)
        await self._contents.refresh()

    async def end(self) -> None:
        """Wait for the creates that are in flight, for the few seconds that each of them gets; cancel the others."""
        try:
            await self._settlements.end()
        finally:
            await self._owned.end()

    async def create(self, row: Mapping[str, Any]) -> BatchResult:
        """
        Create the video of a row, and return its job as soon as it renders.

        A job that the journal has already is returned as it is: that of the key, or for a row without a key one with
        the same content, whatever its key is. If the outcome of the create is not known, the result has the
        AmbiguousCreateError, and the state `in_doubt` or `creating`. If the caller is cancelled, a create that was sent
        gets a few seconds to be answered, and is recorded; one that was not sent has failed.

        Raises:
            InvalidArgumentError: The row is invalid, or its key is that of another job. Nothing was created.
            InsufficientCreditsError: The price is above what is left of the limit. Nothing was created.
            BlumaError: The create failed. Nothing was bought, and the job has failed.
        """
        parsed = await self._check(row)
        return await self._owned.run(self._create_once(parsed))

    async def check(self, row: Mapping[str, Any]) -> List[str]:
        """
        Check a row as `create` does, and return the warnings about what would be sent although it may be a mistake.

        Raises:
            InvalidArgumentError: The row is invalid. Nothing was created.
        """
        with collect_warnings() as warnings:
            await self._check(row)
        return warnings

    async def look(self, key: str) -> JobAndVideo:
        """
        Return the present state of a job, and of its video if it renders. An interrupted create is settled first.

        Raises:
            InvalidArgumentError: There is no such job.
            BlumaError: The video cannot be read.
        """
        job = await self._find(key)
        video = None
        if job.state == JobState.RENDERING:
            video = await self._api.videos.get(job.video_id or "")
            job = await self._note_end(job, video)
        return build_result(job), video

    async def wait(self, key: str, timeout: float) -> JobAndVideo:
        """
        Return a job when its video is rendered or has failed; after `timeout` seconds as it is then.

        Raises:
            InvalidArgumentError: There is no such job, or the timeout is invalid.
            BlumaError: The video cannot be read.
        """
        require_seconds("timeout", timeout)
        ends = self._api.clock.now() + timeout
        job = await self._find(key, timeout)
        if job.state != JobState.RENDERING:
            return build_result(job), None
        self._parts.runner.note_recent_create(job)
        try:
            video = await self._api.videos.wait_for(
                job.video_id or "",
                self._options.poll_interval,
                max(ends - self._api.clock.now(), 0.0),
                final_statuses=self._options.final_statuses,
            )
        except WaitTimeoutError as late:
            return build_result(job), late.last if isinstance(late.last, Video) else None
        except NotFoundError as gone:
            return build_result(await self._fail(job, str(gone)), gone), None
        return build_result(await self._note_end(job, video)), video

    async def save(self, key: str) -> BatchResult:
        """
        Save the finished video of a job to its file, unless the file is there, and return the job.

        Raises:
            InvalidArgumentError: There is no such job, or its video is not finished.
            BlumaError: The file cannot be saved.
        """
        result, _ = await self.look(key)
        async with self._moves:
            job = await self._find(key)
            if job.state not in (JobState.RENDERED, JobState.SAVED):
                reason = f": {str(result.error).rstrip('.')}." if result.error else "."
                raise invalid("key", f"Job {key!r} is {job.state}, and has no finished video to save{reason}")
            return build_result(await self._parts.runner.save(job))

    async def count(self) -> BatchStatus:
        """Return how many jobs are in each state, and the credits of the journal."""
        return await self._store.statistics()

    async def _check(self, row: Mapping[str, Any]) -> ParsedRow:
        parsed, checks = parse_row(row, ORIGIN), RowChecks(self._api.session, self._parts.catalog)
        template_id: str | None = parsed.arguments["template_id"]
        if template_id is not None:
            await self._parts.catalog.prepare([template_id])
            checks.require_template(parsed)
        checks.require_valid(parsed)
        return parsed

    async def _create_once(self, parsed: ParsedRow) -> BatchResult:
        async with self._turn:
            job = attrs.evolve(parsed.to_job(), origin=ON_REQUEST)
            known = await self._find_known(job, has_key=parsed.key is not None)
            planned = known or await self._plan(job)
            return build_result(planned) if planned.state != JobState.PLANNED else await self._create(planned)

    async def _find_known(self, job: Job, *, has_key: bool) -> StoredJob | None:
        """Return the job that a row asks for, if the journal has it; None too if its key is that of another content."""
        if not has_key:
            return await self._contents.find(job.body)
        known = await self._store.find(job.key)
        return known if known is not None and is_same_content(known.arguments, json.loads(job.body)) else None

    async def _plan(self, job: Job) -> StoredJob:
        """Plan a job. The store is written in a thread, so a cancellation can leave it planned: it has failed then."""
        try:
            return await finish(self._write_plan(job))
        except asyncio.CancelledError:
            await finish(self._fail_unsent(job.key, ABANDONED))
            raise

    async def _write_plan(self, job: Job) -> StoredJob:
        planned = await self._store.plan(attrs.evolve(job, has_file=await in_thread(self._options.has_file, job.key)))
        if isinstance(planned, Conflict):
            raise build_plan_error(attrs.evolve(planned, origin=ORIGIN))
        self._contents.note(planned)
        return planned

    async def _create(self, job: StoredJob) -> BatchResult:
        self._stop.reason = None
        try:
            return build_result(await self._parts.runner.create(job))
        except AmbiguousCreateError as doubt:
            return build_result(await self._store.read(job.place) or job, doubt)
        except Unsubmitted:
            failure: BaseException = self._stop.reason or BlumaError(f"Job {job.key!r} was not created.")
        except (Exception, asyncio.CancelledError) as end:  # noqa: BLE001 - a callback of the user's may raise any error
            failure = end
        await finish(self._fail_unsent(job.key, str(failure) or ABANDONED))
        raise failure

    async def _fail_unsent(self, key: str, reason: str) -> None:
        """Record that a create has failed, unless it may have been accepted."""
        left = await self._store.find(key)
        if left is not None and left.state == JobState.PLANNED:
            self._parts.credit_limit.release(left.place)
            if left.origin == ON_REQUEST:  # a job that a batch has planned stays its job
                await self._fail(left, reason)

    async def _find(self, key: str, longest: float | None = None) -> StoredJob:
        """Return a job; one whose create is under way or was interrupted, once that is settled, or after so long."""
        job = await self._store.find(key)
        if job is not None and job.state == JobState.CREATING:
            await self._settlements.wait(key, longest)
            job = await self._store.find(key)
        if job is None:
            raise invalid("key", f"There is no job {key!r} in the journal {self._store.name}.")
        return job

    async def _note_end(self, job: StoredJob, video: Video) -> StoredJob:
        """Record the final state of a video, if nobody else has meanwhile."""
        is_final = video.status.is_final or str(video.status) in self._options.final_statuses
        async with self._moves:
            now = await self._store.read(job.place) or job
            if is_final and now.state == JobState.RENDERING:
                return await self._parts.runner.record_end(now, video)
            return now

    async def _fail(self, job: StoredJob, reason: str) -> StoredJob:
        failed = await self._store.fail(job.place, reason)
        return job if isinstance(failed, Conflict) else failed
