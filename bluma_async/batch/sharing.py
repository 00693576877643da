"""
Take part in a run that several processes share.

Rule 1: a job is claimed before anything is done for it, and given back afterwards, whatever the result.
Rule 2: a create that a dead process has left open is settled, never sent again on a guess. No worker waits for that.
Rule 3: a job that ended with an error in this process is left to the others, and to the next run.
Rule 4: a run ends when no unfinished job is left: jobs of a process that dies meanwhile are taken over.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, AsyncGenerator, List, Mapping, Sequence, Set

from bluma_async._runtime.threads import in_thread
from bluma_async._session.in_flight import Standing
from bluma_async._wire.call import Safety
from bluma_async.batch.conflicts import TakenOver, Unsubmitted
from bluma_async.errors import AmbiguousCreateError, BlumaError
from bluma_async.sharing.announcing import announce
from bluma_async.sharing.pacing import Pacer
from bluma_async.stores.keys import fingerprint_key
from bluma_async.stores.states import JobState

if TYPE_CHECKING:
    from bluma_async._session.in_flight import InFlightCall
    from bluma_async._wire.certainty import Explained
    from bluma_async.batch.api import BatchApi, StopSignal
    from bluma_async.batch.options import BatchOptions
    from bluma_async.batch.recovery import Recovery
    from bluma_async.stores.jobs import StoredJob
    from bluma_async.stores.ports import JobStore
    from bluma_async.stores.sharing import Sharing

__all__ = ["JobCoordinator", "SharedJobs"]

SHORTEST_PAUSE = 0.05  # seconds between two searches for a job
LONGEST_PAUSE = 1.0


class JobCoordinator:
    """Asks the store before each request for its place in the budget, and before each attempt of a create."""

    def __init__(self, sharing: Sharing, api: BatchApi, stop: StopSignal) -> None:
        options = api.session.options
        self._sharing = sharing
        self._stop = stop
        self._clock = api.clock
        budget = sharing.find_budget(fingerprint_key(options.base_url, options.api_key))
        self._pacer = Pacer(budget, self._clock)

    async def before_attempt(self, call: InFlightCall) -> None:
        """
        Wait for a place in the budget, then announce an attempt of a create.

        A process that was frozen too long sends nothing: the announcement finds that its create was taken over.

        Raises:
            Unsubmitted: Nothing more is submitted, and no attempt of this create may have been accepted.
            TakenOver: Another process has settled the create, or is about to.
        """
        if call.safety is not Safety.COSTS_MONEY:
            await self._pacer.wait(call)
            return
        if call.standing is Standing.NOT_SENT:
            await self._stop.bound(partial(self._pacer.wait, call))
        else:
            await self._pacer.wait(call)
        if not await announce(call, self._clock, lambda: self._sharing.touch(call.key or "")):
            raise TakenOver

    def after_attempt(self, call: InFlightCall, headers: Mapping[str, str]) -> None:
        """Note the budget that an answer reports."""
        self._pacer.note(call, headers)

    async def find_video(self, call: InFlightCall) -> str | None:
        """Return the video that a process has recorded for a create after it had lost the job."""
        return await self._sharing.find_stray(call.key or "")

    async def is_anothers(self, call: InFlightCall, video_id: str) -> bool:
        """Return whether the video that answers a create is another create's, as far as the processes have recorded."""
        return await self._sharing.is_anothers(video_id, call.key or "")

    def for_account(self, _: str, __: str, /) -> JobCoordinator:
        """Return itself: a journal has one account."""
        return self

    async def close(self) -> None:
        """Do nothing: the run closes its store."""

    async def explain(self, call: InFlightCall, video_ids: Sequence[str]) -> Explained:
        """
        Return what all processes know about these videos.

        Raises:
            TakenOver: Another process has taken over the create: the videos that it and others have made since are not
                candidates of this search.
        """
        found = await self._sharing.explain(video_ids, call.key or "")
        if not found.is_mine:
            raise TakenOver
        return found


class SharedJobs:
    """The jobs that this process claims during a run."""

    def __init__(
        self,
        store: JobStore,
        sharing: Sharing,
        api: BatchApi,
        recovery: Recovery,
        stop: StopSignal,
        options: BatchOptions,
    ) -> None:
        self._store = store
        self._sharing = sharing
        self._api = api
        self._recovery = recovery
        self._stop = stop
        self._saves = options.saves_files
        self._is_complete = options.is_complete
        self._left: Set[int] = set()  # jobs that ended with an error here
        self._held: Set[int] = set()  # jobs that this process works on
        self._claiming = asyncio.Lock()
        self._waiting: List[StoredJob] = []  # jobs whose open creates are being settled
        self._watches: Set[asyncio.Task[None]] = set()

    async def claims(self) -> AsyncGenerator[StoredJob, None]:
        """Yield each job that this process claims, until no unfinished job is left."""
        pause = SHORTEST_PAUSE
        async for lost in self._find_lost():
            yield lost
        while True:
            for settled in self.take_settled():
                yield settled
            job = await self._claim_next(self._list_states())
            if job is None:
                if await self._has_ended():
                    return
                await self._sharing.pause(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
                continue
            pause = SHORTEST_PAUSE
            if job.state != JobState.CREATING:
                yield job

    def settle_for_turns(self) -> None:
        """While creates of this run wait for their turns, also settle the open creates of dead processes."""
        self._api.settlers.append(self._settle_abandoned)

    def take_settled(self) -> List[StoredJob]:
        """Return the jobs whose open creates were settled since the last call."""
        settled = [job for job in self._waiting if self._recovery.is_settled(job)]
        self._waiting = [job for job in self._waiting if job not in settled]
        return settled

    async def _settle_abandoned(self) -> None:
        """Claim an open create of a dead process, and begin to settle it."""
        await self._claim_next([])

    async def _claim_next(self, states: Sequence[str]) -> StoredJob | None:
        """
        Claim a job, and begin to settle it if its create is open.

        Two claims at once could return the same job, which is this process's after the first.
        """
        async with self._claiming:
            job = await self._sharing.claim(states, self._left, self._held)
            if job is not None:
                self._held.add(job.place)
                if job.state == JobState.CREATING:
                    self._begin_to_settle(job)
        return job

    async def _has_ended(self) -> bool:
        """Return whether no job is left; not while another task claims one, which would be left to nobody."""
        async with self._claiming:
            return not self._waiting and (self._stop.is_set or await self._is_over())

    def _begin_to_settle(self, job: StoredJob) -> None:
        self._recovery.register(job)
        self._waiting.append(job)
        watch = asyncio.ensure_future(self._stop_if_unsettled(job))
        self._watches.add(watch)
        watch.add_done_callback(self._watches.discard)

    async def _stop_if_unsettled(self, job: StoredJob) -> None:
        """
        Submit nothing more if an open create cannot be settled.

        Its template's turn is not free then. Workers that wait for it would wait for ever, and none would report this.
        """
        try:
            await self._recovery.settled(job)
        except Unsubmitted:
            return
        except BlumaError as problem:
            if not (isinstance(problem, AmbiguousCreateError) and problem.candidates):
                self._stop.set(problem)

    async def claim(self, job: StoredJob) -> StoredJob | None:
        """Claim one job; None if another process works on it."""
        claimed = await self._sharing.claim_one(job.place)
        if claimed is not None:
            self._held.add(job.place)
        return claimed

    async def finish(self, job: StoredJob, *, is_failed: bool) -> None:
        """Give a job back. An open create of it that nobody here works on is left to every process."""
        self._held.discard(job.place)
        if is_failed:
            self._left.add(job.place)
        stored = await self._store.read(job.place)
        if stored is not None and stored.state == JobState.CREATING and is_failed:
            await self._sharing.abandon(job.place)
            self._recovery.forget(stored)
        else:
            await self._sharing.give_back(job.place)

    async def _is_over(self) -> bool:
        return await self._sharing.is_over(self._list_states(), self._left)

    def _list_states(self) -> List[str]:
        states = [] if self._stop.is_set else [JobState.PLANNED]
        return [str(state) for state in (*states, JobState.RENDERING, *([JobState.RENDERED] * self._saves))]

    async def _find_lost(self) -> AsyncGenerator[StoredJob, None]:
        """Yield the saved jobs of this run whose file is missing, or has another size."""
        after = 0
        while self._saves and (page := await self._store.list_jobs(JobState.SAVED, after)):
            after = page[-1].place
            for job in await in_thread(self._select_lost, page):
                claimed = await self.claim(job)
                if claimed is not None:
                    yield claimed

    def _select_lost(self, page: Sequence[StoredJob]) -> List[StoredJob]:
        return [job for job in page if not self._is_complete(job.path, job.size)]
