"""
The tasks of a worker: create, save, poll and sweep. Each is short; none waits for a render.

The sweep finds the jobs that need a task, and settles the creates that dead processes have left open.

Rule 1: a task claims its job, and does nothing if another process holds it or if it has moved on.
Rule 2: the sweep defers what the store says is due. An engine that forgets everything loses time, not jobs.
Rule 3: periodic work is done once in a period, by whichever process takes its turn in the store.
Rule 4: an error that every job would share pauses the creates of this process; the jobs stay planned.
"""

from __future__ import annotations

import asyncio
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Awaitable, Callable, Dict, Generator, List, Mapping, Set, Tuple

from bluma_async._runtime.log import logger
from bluma_async._runtime.tasks import gather
from bluma_async.batch.conflicts import Unsubmitted
from bluma_async.errors import BlumaError, NotFoundError, RateLimitError
from bluma_async.fleet.pausing import PAUSE
from bluma_async.resources._videos.source import VideoSource
from bluma_async.stores.states import JobState

if TYPE_CHECKING:
    from bluma_async.batch.options import BatchOptions
    from bluma_async.batch.parts import Parts
    from bluma_async.fleet.engine import Engine
    from bluma_async.fleet.pausing import PausingStop
    from bluma_async.stores.jobs import StoredJob
    from bluma_async.stores.ports import JobStore
    from bluma_async.stores.sharing import FleetSharing
    from bluma_async.types import Video

__all__ = ["NAMES", "SWEEP_PERIOD", "FleetTasks"]

SWEEP_PERIOD = 2.0  # seconds between two sweeps
POLL_LEASE = 10.0  # seconds after which another process polls, if the one that polls is dead or stopped
WINDOW = 100  # jobs that one sweep defers at most
PATIENCE_AT_END = 15.0  # seconds for which a lost store is retried after the process was asked to end
HANDFUL = 4  # videos up to which each is read by itself
READS_AT_ONCE = 8
TASK_OF_STATE = {JobState.PLANNED: "create", JobState.RENDERED: "save"}
NAMES = ("create", "save", "poll", "sweep")  # of the tasks, each with a method of FleetTasks


class FleetTasks:
    """The tasks of one worker."""

    def __init__(
        self,
        options: BatchOptions,
        store: JobStore,
        sharing: FleetSharing,
        parts: Parts,
        stop: PausingStop,
        engine: Engine,
    ) -> None:
        self._options = options
        self._store = store
        self._sharing = sharing
        self._parts = parts
        self._stop = stop
        self._engine = engine
        self.is_stopping: bool = False
        self._is_settling = False
        self._busy: Dict[int, int] = {}  # how many tasks of this process work on a job
        self._unsure: Set[int] = (
            set()
        )  # jobs that may be held by this process, although none of its tasks works on them

    def register(self) -> None:
        """Register all tasks with the engine."""
        self._parts.api.settlers.append(self._settle_abandoned)
        for name in NAMES:
            self._engine.register(name, getattr(self, name))
        self._engine.periodic("poll", self._options.poll_interval)
        self._engine.periodic("sweep", SWEEP_PERIOD)

    def stop(self) -> None:
        """Begin no more work: the process was asked to end. Requests that are out are finished."""
        self.is_stopping = True
        self._stop.end()
        self._sharing.limit_retries(PATIENCE_AT_END)

    async def require_recorded(self) -> None:
        """
        Require that the store has an outcome for each job whose paid video could not be recorded.

        Raises:
            BlumaError: It has none, or cannot be read. The message and `video_id` have the id.
        """
        for place, failure in self._parts.api.unrecorded.items():
            with suppress(BlumaError):
                job = await self._store.read(place)
                if job is not None and job.video_id is not None:
                    continue  # it was found meanwhile
            raise failure

    async def create(self, place: int | None) -> None:
        """Create the video of a planned job."""
        if not (self._stop.is_set or self.is_stopping):
            await self._with_job(place, JobState.PLANNED, self._parts.runner.create, "created")

    async def save(self, place: int | None) -> None:
        """Save the video of a rendered job."""
        await self._with_job(place, JobState.RENDERED, self._parts.runner.save, "saved")

    async def poll(self, _: int | None = None) -> None:
        """Read the states of all videos that render, and defer the saving of those that are finished."""
        if not await self._sharing.take_turn("poll", POLL_LEASE):
            return
        clock, pause = self._parts.api.clock, 0.0
        began, renewal = clock.now(), asyncio.ensure_future(self._keep_polling())
        try:
            pause = await self._poll_all()
        finally:
            renewal.cancel()
            await asyncio.gather(renewal, return_exceptions=True)
            left = self._options.poll_interval - (clock.now() - began)
            with suppress(BlumaError):  # which would take the place of a cancellation; the turn ends by itself
                await self._sharing.postpone("poll", max(left, pause, 0.0))

    async def _keep_polling(self) -> None:
        """Keep the turn: reads may wait for a minute, until the budget allows them."""
        while True:
            await self._parts.api.clock.sleep(POLL_LEASE / 3)
            with suppress(BlumaError):
                await self._sharing.postpone("poll", POLL_LEASE)

    async def _poll_all(self) -> float:
        """Poll, and return the seconds until the budget allows the next poll. Other processes wait meanwhile."""
        jobs = await self._list_free(JobState.RENDERING)
        if not jobs:
            return 0.0
        source = VideoSource(self._parts.api.session)
        is_failed, active, requests = await self._list_active(source, len(jobs))
        unseen = [job for job in jobs if job.video_id not in active]
        unseen = unseen[: source.pace().allowance(len(unseen))]
        for start in range(0, len(unseen), READS_AT_ONCE):
            are_answered = await gather(*(self._read(source, job) for job in unseen[start : start + READS_AT_ONCE]))
            if is_failed and not any(are_answered):
                break  # the server is down, and not its lists alone
        return source.pace().pause(requests or len(unseen), kept=len(jobs))

    async def _list_active(self, source: VideoSource, jobs: int) -> Tuple[bool, Mapping[str, Video], int]:
        """Return whether the list failed, the videos that are not finished, and the requests that it took."""
        if jobs <= HANDFUL:
            return False, {}, 0
        try:
            listed = await source.list_active(jobs, self._parts.api.session.options.timeout)
        except RateLimitError:
            raise  # the reads would be refused too
        except BlumaError as problem:
            if source.pace().spent is None:  # else the pause is logged
                logger.info("The videos could not be listed, so each is read by itself: %s", problem)
            return True, {}, 0
        active, requests = listed or ({}, 0)
        return False, active, requests

    async def sweep(self, _: int | None = None) -> None:
        """Defer what is due, settle the creates that dead processes have left open, and take over their jobs."""
        if not await self._sharing.take_turn("sweep", SWEEP_PERIOD * 0.9):
            return
        await self._sharing.free()
        for place in self._unsure - set(self._busy):
            await self._sharing.give_back(place)
            self._unsure.discard(place)
        states = [JobState.RENDERED] * self._options.saves_files
        if not (self._stop.is_set or self.is_stopping):
            states.append(JobState.PLANNED)
        due = await self._sharing.list_due([str(name) for name in states], WINDOW)
        for place, state in due:
            await self._engine.defer(TASK_OF_STATE[JobState(state)], place)
        if due:
            await self._sharing.note_deferred([place for place, _ in due])
        await self._settle_abandoned()

    async def _settle_abandoned(self) -> None:
        """Settle the open creates that no living process works on; two tasks at once could claim the same one."""
        if self._is_settling:
            return
        self._is_settling = True
        try:
            while not self.is_stopping and (job := await self._sharing.claim([], [], list(self._busy))) is not None:
                with self._working(job.place):
                    await self._settle(job)
        finally:
            self._is_settling = False

    async def _with_job(
        self, place: int | None, state: JobState, action: Callable[[StoredJob], Awaitable[StoredJob]], event: str
    ) -> None:
        """Claim a job, act on it if it is in the state that the task is for, and give it back."""
        if place is None:
            return
        with self._working(place):
            job = await self._sharing.claim_one(place)
            if job is not None:
                await self._act(job, state, action, event)

    async def _act(
        self, job: StoredJob, state: JobState, action: Callable[[StoredJob], Awaitable[StoredJob]], event: str
    ) -> None:
        is_failed = False
        try:
            if job.state == state:
                self._log(event, await action(job))
        except Unsubmitted:
            if self.is_stopping:
                return  # the end of the process gives the job back, and makes its task due at once
        except BlumaError as problem:
            is_failed = True
            self._log("failed", job, problem)
        except BaseException:
            with suppress(BlumaError):  # which would take the place of a cancellation
                await self._hand_back(job, is_failed=False)
            raise
        await self._hand_back(job, is_failed=is_failed)

    async def _hand_back(self, job: StoredJob, *, is_failed: bool) -> None:
        if self._parts.shared is not None:
            await self._parts.shared.finish(job, is_failed=is_failed)

    def _log(self, event: str, job: StoredJob, problem: BlumaError | None = None) -> None:
        """Log a step of a job; a collector of logs finds its fields in the record."""
        video_id = job.video_id or (problem and problem.video_id)
        fields = {"event": event, "job": job.key, "video": video_id, "epoch": self._sharing.epoch}
        if problem is None:
            logger.info("Job %s: %s, it is %s", job.key, event, job.state, extra=fields)
        else:
            logger.warning("Job %s: %s", job.key, problem, extra=fields)

    @contextmanager
    def _working(self, place: int) -> Generator[None, None, None]:
        """Note that a task works on a job. If the store fails meanwhile, the job may stay with this process."""
        self._busy[place] = self._busy.get(place, 0) + 1
        try:
            yield
        except BaseException:
            self._unsure.add(place)
            raise
        finally:
            self._busy[place] -= 1
            if not self._busy[place]:
                del self._busy[place]

    async def _settle(self, job: StoredJob) -> None:
        """Settle an open create that this process has claimed."""
        try:
            self._parts.recovery.register(job)
            settled = await self._parts.recovery.settled(job)
            self._log("settled", settled)
        except Unsubmitted:
            pass
        except BlumaError as problem:
            self._log("unsettled", job, problem)
            stored = await self._store.read(job.place)
            if stored is not None and stored.state == JobState.CREATING:
                await self._sharing.postpone_settling(job.place, PAUSE)
                await self._sharing.abandon(job.place)
                self._parts.recovery.forget(stored)
                return
        await self._sharing.give_back(job.place)

    async def _read(self, source: VideoSource, job: StoredJob) -> bool:
        """Read one video; record its end, and defer the saving of its file. Return whether the server answered."""
        runner = self._parts.runner
        runner.note_recent_create(job)
        video_id = job.video_id or ""
        try:
            video = (await source.poll([video_id], self._parts.api.session.options.timeout))[video_id]
            if video is None or not source.is_final(video):
                return True
            ended: Any = await runner.record_end(job, video)
            self._log("ended", ended)
        except NotFoundError as gone:
            await self._store.fail(job.place, str(gone))
            self._log("gone", job, gone)
            return True
        except Unsubmitted:
            return True
        except BlumaError as problem:
            if source.pace().spent is None:  # else the pause is logged
                logger.info("Video %s could not be read: %s", video_id, problem)
            return False
        if ended.state == JobState.RENDERED and self._options.saves_files:
            await self._engine.defer("save", job.place)
        return True

    async def _list_free(self, state: JobState) -> List[StoredJob]:
        """Return the jobs in a state that no process holds."""
        found: List[StoredJob] = []
        after = 0
        while page := await self._store.list_jobs(state, after):
            after = page[-1].place
            found += [job for job in page if job.epoch == 0]
        return found
