"""
Settle what an earlier run left behind: whether the journal is of this account, and the creates that were interrupted.

Rule 1: an interrupted create may still be on its way when the journal is taken over. Only a search that begins
`settle_time` after that moment proves that it was not accepted; other jobs are not held up meanwhile.
Rule 2: a video is adopted only on positive evidence that it is this create's. Without evidence the job is in doubt, and
is billed again only if the user asks for it.
Rule 3: the open creates are registered before any video is marked as known: a video that the search finds may be
theirs, even if it was there when this run began.
"""

from __future__ import annotations

import asyncio
import hashlib
from typing import TYPE_CHECKING, Dict

from bluma_async._session.in_flight import InFlightCall, Standing
from bluma_async._wire.call import Safety
from bluma_async._wire.messages import Request
from bluma_async._wire.retry import Reconcile
from bluma_async.batch.conflicts import require_moved
from bluma_async.errors import AmbiguousCreateError, InvalidArgumentError, NetworkError, NotFoundError
from bluma_async.resources._certain_create import CertainCreate

if TYPE_CHECKING:
    from bluma_async.batch.api import BatchApi
    from bluma_async.batch.create_turns import CreateTurns
    from bluma_async.stores.jobs import StoredJob
    from bluma_async.stores.ports import JobStore

__all__ = ["Recovery", "require_account"]

RECENT = 1000  # videos that are marked as known; of these, a search can meet only the newest


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


class Recovery:
    """The creates of earlier runs that have an intent and no outcome."""

    def __init__(self, store: JobStore, api: BatchApi, create_turns: CreateTurns) -> None:
        self._store = store
        self._api = api
        self._create_turns = create_turns
        self._calls: Dict[int, InFlightCall] = {}  # by the place of the job
        self._tasks: Dict[int, asyncio.Task[StoredJob]] = {}

    async def begin(self) -> None:
        """Register the interrupted creates, and begin to settle each in a task of its own."""
        evidence = self._api.session.evidence
        jobs = await self._store.list_creating()
        for job in jobs:
            self._calls[job.place] = call = self._open(job)
            evidence.add(call)
        for video_id in await self._store.list_recent_videos(RECENT):
            evidence.mark_known(video_id)
        evidence.mark_contested(await self._store.list_candidates())
        for job in jobs:
            self._tasks[job.place] = asyncio.ensure_future(self._settle(job))

    async def settled(self, job: StoredJob) -> StoredJob:
        """
        Return an interrupted job as it is once it is settled: rendering, planned again, or in doubt.

        Raises:
            AmbiguousCreateError: The job is in doubt; or the list could not be read, and the job stays as it is.
        """
        return await asyncio.shield(self._tasks[job.place])

    async def rest(self) -> None:
        """Wait until the jobs that are not part of this run are settled too."""
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def end(self) -> None:
        """Stop settling. Whatever is not settled is left to the next run."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        for call in self._calls.values():
            self._api.session.evidence.remove(call)

    def _open(self, job: StoredJob) -> InFlightCall:
        """Return the interrupted create as a call whose request may have been on its way until now."""
        session, now = self._api.session, self._api.clock.now()
        headers = {"Idempotency-Key": job.request_key or ""}
        request = Request("POST", f"{session.options.base_url}/videos", headers)
        call = InFlightCall(request, now, None, Safety.COSTS_MONEY, job.template_id)
        call.server_date, call.local_time = job.started_at, job.started_at
        call.standing, call.last_sent, call.is_attended = Standing.UNCERTAIN, now, True
        return call

    async def _settle(self, job: StoredJob) -> StoredJob:
        call = self._calls[job.place]
        failure = NetworkError(f"The create of job {job.key} was interrupted.")
        async with self._create_turns.acquire(job.template_id):
            try:
                video = await CertainCreate(self._api.session).reconcile(call, failure, Reconcile(0.0))
            except AmbiguousCreateError as error:
                if error.candidates:
                    names = [candidate.id for candidate in error.candidates]
                    require_moved(await self._store.doubt(job.place, names, str(error)), self._store.name)
                raise
            if video is None:
                outcome = await self._store.release(job.place, "it was not accepted")
            else:
                outcome = await self._store.bill(job.place, video.id, video.credits_charged, "found again")
            self._api.session.evidence.remove(call)
            return require_moved(outcome, self._store.name)
