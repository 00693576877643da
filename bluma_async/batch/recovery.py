"""
Settle the creates that an earlier run, or a dead process, has left open.

Rule 1: an interrupted create may still be on its way when the journal is taken over. Only a search that begins
`settle_time` after that moment proves that it was not accepted; no other job waits for it.
Rule 2: a video is adopted only on positive evidence that it is this create's. Without evidence the job is in doubt, and
is billed again only if the user asks for it.
Rule 3: the open creates are registered before any video is marked as known: a video that the search finds may be
theirs, even if it was there when this run began.
Rule 4: a create that this process has sent itself, in an earlier run, is still open here, or its outcome is known. A
second call for it would be a rival of the first one.
Rule 5: a job that is in doubt without candidates was accepted, and is searched for again. It is never planned again.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, AsyncGenerator, Collection, Dict, List, Tuple

from bluma_async._wire.retry import Reconcile
from bluma_async.batch.abandoned import ABANDONED, ON_REQUEST
from bluma_async.batch.conflicts import TakenOver, Unsubmitted, is_taken, require_moved
from bluma_async.errors import AmbiguousCreateError, BlumaError, NetworkError
from bluma_async.resources._creates.certain import CertainCreate
from bluma_async.resources._creates.stand_in import open_stand_in
from bluma_async.stores.jobs import Conflict, ConflictKind
from bluma_async.stores.states import JobState

if TYPE_CHECKING:
    from bluma_async._session.in_flight import InFlightCall
    from bluma_async._session.session import Session
    from bluma_async.batch.api import BatchApi
    from bluma_async.batch.bought_contents import BoughtContents
    from bluma_async.batch.catalog import Catalog
    from bluma_async.batch.create_turns import CreateTurns
    from bluma_async.batch.credit_limit import CreditLimit
    from bluma_async.stores.jobs import Outcome, StoredJob
    from bluma_async.stores.ports import JobStore

__all__ = ["Recovery"]

BilledVideo = Tuple[str, int]  # its id, and its charge; 0 if that is unknown
RECENT = 1000  # videos that are marked as known; of these, a search can meet only the newest


class Recovery:
    """The creates of earlier runs that have an intent and no outcome."""

    def __init__(
        self,
        store: JobStore,
        api: BatchApi,
        create_turns: CreateTurns,
        catalog: Catalog,
        credit_limit: CreditLimit,
        contents: BoughtContents,
        *,
        plans_again: bool = True,
    ) -> None:
        self._plans_again = plans_again  # a create on request that was not accepted; otherwise it has failed
        self._contents = contents
        self._store = store
        self._api = api
        self._create_turns = create_turns
        self._catalog = catalog
        self._credit_limit = credit_limit
        self._jobs: Dict[int, StoredJob] = {}  # by place, as this run found them
        self._calls: Dict[int, InFlightCall] = {}
        self._tasks: Dict[int, asyncio.Task[StoredJob]] = {}
        self._has_ended = False

    async def begin(self) -> None:
        """
        Register the interrupted creates, and begin to settle each in a task of its own.

        In a store that processes share, other processes may be creating now: interrupted creates are claimed first,
        then registered. If the store fails, `client.settle` can settle them.
        """
        is_shared = self._store.sharing is not None
        creating = [] if is_shared else await self._store.list_creating()
        in_doubt = [] if is_shared else await self._list_in_doubt()
        jobs = [*creating, *(job for job in in_doubt if not job.candidates)]
        for job in sorted(jobs, key=lambda job: job.state != JobState.CREATING):
            self._jobs[job.place], self._calls[job.place] = job, self._find_call(job)
        try:
            await self._prepare([*creating, *in_doubt])
        except BaseException:  # also a cancellation: no task works on them
            for job in jobs:
                self._calls[job.place].is_attended = False
            raise
        for job in jobs:
            self._tasks[job.place] = asyncio.ensure_future(self._settle(job))

    def register(self, job: StoredJob) -> None:
        """
        Begin to settle a create that a dead process has left open.

        It was claimed when its request cannot have been on its way for `settle_time`, by the store's clock. If a search
        for it is running already, that search goes on: only the task that waited for it was cancelled.

        Raises:
            Unsubmitted: The run has ended; a create of it is finished after its end. Another process settles this one.
        """
        if self._has_ended:
            raise Unsubmitted
        if job.place in self._tasks and not self._tasks[job.place].done():
            return
        call = self._calls[job.place] = self._find_call(job)
        call.last_sent = self._api.clock.now() - self._api.session.options.settle_time
        self._jobs[job.place] = job
        self._tasks[job.place] = asyncio.ensure_future(self._settle(job))

    def is_settled(self, job: StoredJob) -> bool:
        """Return whether an interrupted create is settled, or cannot be settled now."""
        return self._tasks[job.place].done()

    async def settled(self, job: StoredJob) -> StoredJob:
        """
        Return an interrupted job as it is once it is settled: rendering, planned again, or in doubt.

        Raises:
            AmbiguousCreateError: The job is in doubt; or the list could not be read, and the job stays as it is.
        """
        return await asyncio.shield(self._tasks[job.place])

    async def list_left(self, seen: Collection[int]) -> AsyncGenerator[StoredJob, None]:
        """Yield the interrupted jobs of this run that were settled before the run listed them."""
        for place, job in self._jobs.items():
            stored = await self._store.read(place) if place not in seen else None
            if stored is not None and stored.run > job.run:
                if job.state == JobState.CREATING:
                    yield job
                    continue
                await asyncio.wait([self._tasks[place]])
                stored = await self._store.read(place)
                if stored is not None and stored.state == JobState.RENDERING:
                    yield stored

    def forget(self, job: StoredJob) -> None:
        """
        Forget a create that is left to other processes.

        The store keeps its template's turn until one of them has settled it; here it would be a rival of later creates.
        """
        call = self._api.session.evidence.find_open(job.request_key)
        if call is not None:
            self._api.session.evidence.remove(call)

    async def rest(self) -> None:
        """Wait until the jobs that are not part of this run are settled too; they are, also if this is cancelled."""
        tasks = list(self._tasks.values())
        if tasks:
            await asyncio.wait(tasks)
        for task in tasks:
            _ = task.cancelled() or task.exception()  # else asyncio would log that nobody has read it

    async def end(self) -> None:
        """Stop settling. The next run settles the remaining creates."""
        self._has_ended = True
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        for call in self._calls.values():
            call.is_attended = False

    async def _prepare(self, jobs: List[StoredJob]) -> None:
        """Mark the videos of the store, and hold the prices of creates that may be billed."""
        evidence = self._api.session.evidence
        for video_id in await self._store.list_recent_videos(RECENT):
            evidence.mark_known(video_id)
        evidence.mark_contested(await self._store.list_candidates())
        for job in jobs:
            await self._hold_price(job)

    async def _list_in_doubt(self) -> List[StoredJob]:
        found: List[StoredJob] = []
        while page := await self._store.list_jobs(JobState.IN_DOUBT, found[-1].place if found else 0):
            found += page
        return found

    async def _hold_price(self, job: StoredJob) -> None:
        """Hold the price of a create that may be billed; an unknown price keeps a limited batch from submitting."""
        if self._credit_limit.is_limited:
            with contextlib.suppress(BlumaError):
                await self._catalog.require_price(job.template_id)
        self._credit_limit.hold_open(job.place, job.template_id, job.resolution)

    def _find_call(self, job: StoredJob) -> InFlightCall:
        """Return the call of an interrupted create: that of this process, or one that stands for another process's."""
        session = self._api.session
        call = session.evidence.find_open(job.request_key)
        if call is None:
            is_accepted = job.state == JobState.IN_DOUBT
            call = open_stand_in(
                session, job.request_key or "", job.template_id, job.started_at, is_accepted=is_accepted
            )
            call.content = self._contents.find_content(job)
        call.is_attended = True
        return call

    async def _settle(self, job: StoredJob) -> StoredJob:
        call = self._calls[job.place]
        try:
            found = await self._find(job, call)
        except AmbiguousCreateError as error:
            if error.candidates or (error.accepted and job.state == JobState.CREATING):
                names = [candidate.id for candidate in error.candidates]
                self._accept(await self._store.doubt(job.place, names, str(error)))
            raise
        except TakenOver:
            self._api.session.evidence.remove(call)
            raise
        settled = await self._record(job, found)
        self._api.session.evidence.remove(call)
        return settled

    async def _record(self, job: StoredJob, found: BilledVideo | None) -> StoredJob:
        """Record the outcome of a create; its price is not held any more."""
        if found is None:
            outcome = await self._reject(job)
            if not (isinstance(outcome, Conflict) and outcome.kind is ConflictKind.WAS_MADE):
                self._credit_limit.release(job.place)
                await self._contents.end(job)
                return self._accept(outcome)
            found = outcome.other, await self._read_charge(outcome.other)
        video_id, known = found
        if not known and job.template_id is not None:
            with contextlib.suppress(BlumaError):
                await self._catalog.read(job.template_id)  # without its price, the charge would be recorded as 0
        charged = self._credit_limit.spend(job.place, job.template_id, job.resolution, known)
        key, note = job.request_key, "found again"
        if job.state == JobState.IN_DOUBT:
            outcome = await self._store.adopt(job.place, video_id, charged)
        else:
            outcome = await self._store.bill(job.place, video_id, charged, request_key=key, note=note)
        if is_taken(outcome):
            self._api.session.evidence.disown(key, video_id)
            self._api.session.evidence.remove(self._calls[job.place])
            self._credit_limit.hold_again(job.place, job.template_id, job.resolution, charged)
        billed = self._accept(outcome)
        await self._contents.remember(billed)  # while its call is open: no other job buys the content meanwhile
        return billed

    async def _reject(self, job: StoredJob) -> Outcome:
        if self._plans_again or job.origin != ON_REQUEST:
            return await self._store.release(job.place, "it was not accepted")
        return await self._store.fail(job.place, ABANDONED)  # in one step: a crash leaves nothing that a run would buy

    async def _find(self, job: StoredJob, call: InFlightCall) -> BilledVideo | None:
        """Return the video that a create became; None if it certainly was not accepted."""
        session = self._api.session
        known = call.video_id or session.evidence.find_created(job.request_key)
        if known is None and self._store.sharing is not None:
            known = await self._store.sharing.find_stray(job.request_key or "")
        if known is not None:
            return known, await self._read_charge(known)
        if session.options.settle_time > 0:
            found = await self._search_now(job, call)
            if found is not None:
                return found
        create = CertainCreate(session)
        await create.wait_until(call, create.settles_at(call))  # without a turn: other jobs are created meanwhile
        return await self._reconcile(job, call, session)

    async def _search_now(self, job: StoredJob, call: InFlightCall) -> BilledVideo | None:
        """Search at once: a create that is listed already need not be waited for. Finding none proves nothing yet."""
        try:
            return await self._reconcile(job, call, self._api.session.with_options({"settle_time": 0.0}))
        except AmbiguousCreateError as error:
            if error.candidates:
                raise
            return None

    async def _reconcile(self, job: StoredJob, call: InFlightCall, session: Session) -> BilledVideo | None:
        failure = NetworkError(f"The create of job {job.key} was interrupted.")
        preset = None if job.template_id is None else await self._store.read_preset(job.template_id)
        create = CertainCreate(session, preset)
        if self._store.sharing is not None:  # its open intent excludes every other create, in all processes
            video = await create.reconcile(call, failure, Reconcile(0.0))
        else:
            async with self._create_turns.acquire(job.template_id):  # no other create can be lost during the search
                video = await create.reconcile(call, failure, Reconcile(0.0))
        return None if video is None else (video.id, video.credits_charged)

    async def _read_charge(self, video_id: str) -> int:
        """Return the charge of a video; 0 if it cannot be read now."""
        try:
            return (await self._api.videos.get(video_id)).credits_charged
        except BlumaError:
            return 0

    def _accept(self, outcome: Outcome) -> StoredJob:
        return require_moved(outcome, self._store)
