"""
Create the video of one job: turn, price, intent, request, bill.

Rule 1: the intent is recorded before the request is sent, and the video's id before the template's next turn.
Rule 2: when a run is cancelled, a create in flight gets a few seconds to finish, and one that was not sent is planned.
Rule 3: a create that was certainly refused is planned again or has failed. One that may have been accepted is in doubt
if it has candidates, or if it certainly was accepted. Otherwise it stays `creating`: the next run searches for its
video first. Without candidates this run submits nothing more, because no other create could be made certain either.
Whether its outcome is known is decided by the open create, not by the class of the error.
Rule 4: a 429 is waited for, by Retry-After, but never less than by a growing backoff: servers send `Retry-After: 0`.
"""

from __future__ import annotations

import asyncio
import uuid
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Awaitable, Callable

from bluma_async._runtime.tasks import finish, finish_within
from bluma_async._session.in_flight import ambiguous_create
from bluma_async._wire.retry import is_certainly_refused
from bluma_async.batch.baseline import Baseline
from bluma_async.batch.conflicts import JobPostponedError, TakenOver, Unsubmitted, is_taken, require_moved
from bluma_async.batch.credit_limit import build_limit_error
from bluma_async.errors import (
    AmbiguousCreateError,
    BlumaError,
    NotFoundError,
    RateLimitError,
    ValidationError,
)
from bluma_async.sharing.announcing import find_settling_time
from bluma_async.stores.jobs import Conflict, ConflictKind, Intent
from bluma_async.stores.states import JobState

if TYPE_CHECKING:
    from bluma_async.batch.api import BatchApi, StopSignal
    from bluma_async.batch.bought_contents import BoughtContents
    from bluma_async.batch.catalog import Catalog
    from bluma_async.batch.create_turns import CreateTurns
    from bluma_async.batch.credit_limit import CreditLimit
    from bluma_async.batch.presets import Presets
    from bluma_async.stores.jobs import Outcome, StoredJob
    from bluma_async.stores.ports import JobStore
    from bluma_async.types import Video

__all__ = ["JobCreator", "compute_pause"]

GRACE = 5.0  # seconds for a create in flight when the run is cancelled
MOST_BACKOFF = 60.0  # seconds between two creates that are answered with 429; also if there is no Retry-After
MAX_EXPONENT = 16
SHORTEST_WAIT = 0.02  # seconds between two requests for a turn among processes
LONGEST_WAIT = 0.5
LEFT_OPEN = "the next run of the batch searches for its video first"


class JobCreator:
    """Creates the videos of jobs, one create of a template at a time."""

    def __init__(
        self,
        api: BatchApi,
        store: JobStore,
        catalog: Catalog,
        credit_limit: CreditLimit,
        create_turns: CreateTurns,
        contents: BoughtContents,
        presets: Presets,
        stop: StopSignal,
        report: Callable[..., Awaitable[None]],
        require_place: Callable[[StoredJob], Awaitable[None]],
    ) -> None:
        self._api = api
        self._store = store
        self._catalog = catalog
        self._credit_limit = credit_limit
        self._create_turns = create_turns
        self._presets = presets
        self._stop = stop
        self._report = report
        self._require_place = require_place
        self._baseline = Baseline(api.session, needs_time=store.sharing is not None)
        self._contents = contents

    async def create(self, job: StoredJob) -> StoredJob:
        """
        Return the job with its video, which is billed and renders.

        Raises:
            Unsubmitted: The batch stops, and the job stays planned.
            InvalidArgumentError: The file of the job cannot be written. It stays planned.
            BlumaError: The create failed, or its outcome is not known.
        """
        refusals = 0
        async with self._create_turns.acquire(job.template_id):
            while not self._stop.is_set:
                await self._require_place(job)  # within the turn, so that jobs are created in their order
                try:
                    created = await self._obtain(job)
                except RateLimitError as refusal:
                    pause = compute_pause(refusal.retry_after, refusals)
                    await self._stop.bound(partial(self._api.clock.sleep, pause))
                    refusals += 1
                except BlumaError as failure:
                    if _concerns_only_this_job(failure):
                        raise
                    self._stop.set(failure)
                    if not is_certainly_refused(failure):
                        raise
                else:
                    await self._report(created)
                    return created
        raise Unsubmitted

    async def _obtain(self, job: StoredJob) -> StoredJob:
        """Return the job with the video that was bought before for its content, or else with a new one."""
        content, key = self._contents.find_content(job), uuid.uuid4().hex
        if content is None:
            return await self._send_reported(job, key)
        async with self._contents.turn(content):
            video = await self._contents.find_bought(job, content)
            if video is not None:
                return self._accept(await self._store.reuse(job.place, video.id))
            async with self._contents.pending(job, content, key):
                return await self._send_reported(job, key)

    async def _send_reported(self, job: StoredJob, key: str) -> StoredJob:
        await self._report(job, JobState.CREATING)
        with self._api.session.evidence.watching(key):
            return await finish_within(GRACE, self._send(job, key))

    async def _send(self, job: StoredJob, key: str) -> StoredJob:
        """Hold the price, record the intent, send the create, and record its outcome."""
        await self._hold_price(job)
        try:
            preset = await self._presets.require(job.template_id)
            await self._baseline.require(job.template_id)
            await self._intend(job, key)
            video = await self._create(job, preset, key)
        except TakenOver:
            self._forget(job, key)
            raise
        except (asyncio.CancelledError, Unsubmitted):
            with suppress(BlumaError):  # which would take the place of the cancellation
                await self._record_interrupted(job, key)
            raise
        except BlumaError:
            if self._api.session.evidence.find_open(key) is None:  # else it may be billed
                self._credit_limit.release(job.place)
            raise
        return await self._record_bill(job, video, key)

    async def _create(self, job: StoredJob, preset: str | None, key: str) -> Video:
        """Send the create, and record its failure."""
        try:
            return await self._presets.create(job, preset, key, self._contents.find_content(job))
        except BlumaError as failure:
            self._require_closed(job, key, failure)
            await self._record_failure(job, failure)
            raise

    def _require_closed(self, job: StoredJob, key: str, failure: BlumaError) -> None:
        """
        Require that the outcome of a failed create is known.

        The class of the error does not tell that: a hook of the user's may raise any error, also after the create was
        accepted, and a refusal says nothing about an earlier attempt.

        Raises:
            AmbiguousCreateError: The create is open. Its job stays `creating`.
        """
        call = self._api.session.evidence.find_open(key)
        if call is not None and not isinstance(failure, AmbiguousCreateError):
            doubt = ambiguous_create(call, failure, because=LEFT_OPEN)
            if call.video_id is not None:
                self._api.note_unrecorded(job, call.video_id, doubt)
            raise doubt from failure

    async def _intend(self, job: StoredJob, key: str) -> None:
        """
        Record the intent. In a store that processes share, first wait until no other one creates from this template.

        Raises:
            InsufficientCreditsError: The price is above what is left of the limit that the processes share.
        """
        wait = SHORTEST_WAIT
        price = self._credit_limit.estimate(job.template_id, job.resolution)
        settles_after = find_settling_time(self._api.session.options)
        while True:
            began = self._api.begin_create(job.template_id)
            outcome = await self._store.intend(job.place, Intent(key, began, job.epoch, price, settles_after))
            kind = outcome.kind if isinstance(outcome, Conflict) else None
            if kind is ConflictKind.NO_CREDITS and price is None:
                price = await self._learn_price(job)
                if price is not None:
                    continue
            if kind is not ConflictKind.TURN_TAKEN:
                break
            if self._stop.is_set:
                raise Unsubmitted
            await self._api.clock.sleep(wait)
            if wait >= LONGEST_WAIT:
                await self._api.settle_others()
            wait = min(wait * 2, LONGEST_WAIT)
        if isinstance(outcome, Conflict) and kind is ConflictKind.NO_CREDITS:
            raise build_limit_error(price, int(outcome.other), self._credit_limit.limit)
        self._accept(outcome)

    async def _learn_price(self, job: StoredJob) -> int | None:
        """Return the price of a job, after another process has set a limit while this create waited for its turn."""
        await self._catalog.require_price(job.template_id)
        return self._credit_limit.estimate(job.template_id, job.resolution)

    def _forget(self, job: StoredJob, key: str) -> None:
        """Forget a create that another process settles."""
        call = self._api.session.evidence.find_open(key)
        if call is not None:
            self._api.session.evidence.remove(call)
        self._credit_limit.release(job.place)

    async def _hold_price(self, job: StoredJob) -> None:
        try:
            await self._catalog.require_price(job.template_id)
        except NotFoundError as failure:
            await self._record_failure(job, failure)
            raise
        self._credit_limit.hold(job.place, job.template_id, job.resolution)

    async def _record_bill(self, job: StoredJob, video: Video, key: str) -> StoredJob:
        charged = self._credit_limit.spend(job.place, job.template_id, job.resolution, video.credits_charged)
        outcome: Outcome | None = None
        try:
            outcome = await finish(self._bill(job, video.id, charged, key))  # a failure is noted also if cancelled
            billed = self._accept(outcome)
        except BlumaError as failure:
            if is_taken(outcome):
                self._disown(job, key, video.id, charged)
            else:
                failure.video_id = video.id
            self._stop.set(failure)
            raise
        await self._contents.remember(billed)  # before the template's next turn: the next job may have the same content
        return billed

    async def _bill(self, job: StoredJob, video_id: str, charged: int, key: str) -> Outcome:
        try:
            return await self._store.bill(job.place, video_id, charged, request_key=key)
        except BlumaError as failure:
            self._api.note_unrecorded(job, video_id, failure)
            raise

    async def _record_interrupted(self, job: StoredJob, key: str) -> None:
        """Record what an interrupted create leaves: nothing, an open create, or a video that its answer has named."""
        evidence = self._api.session.evidence
        call = evidence.find_open(key)
        if not evidence.was_attempted(key):  # that no call is open proves nothing: one that was taken over is forgotten
            self._credit_limit.release(job.place)
            await finish(self._store.release(job.place, "it was not sent"))
        elif call is not None and call.video_id is not None:
            charged = self._credit_limit.spend(job.place, job.template_id, job.resolution, 0)
            billed = await finish(self._bill(job, call.video_id, charged, key))
            if is_taken(billed):
                self._disown(job, key, call.video_id, charged)
            if is_taken(billed) or not isinstance(billed, Conflict):
                evidence.remove(call)

    def _disown(self, job: StoredJob, key: str, video_id: str, charged: int) -> None:
        """Forget a video that is another create's. This create is open, and its price is held again."""
        self._api.session.evidence.disown(key, video_id)
        self._credit_limit.hold_again(job.place, job.template_id, job.resolution, charged)

    async def _record_failure(self, job: StoredJob, failure: BlumaError) -> None:
        if isinstance(failure, AmbiguousCreateError):
            if failure.candidates or failure.accepted:
                names = [video.id for video in failure.candidates]
                self._contents.note_doubt(job)
                self._accept(await self._store.doubt(job.place, names, str(failure)))
        elif isinstance(failure, (ValidationError, NotFoundError)):
            self._accept(await self._store.fail(job.place, str(failure)))
        elif is_certainly_refused(failure):
            self._accept(await self._store.release(job.place, str(failure)))

    def _accept(self, outcome: Outcome) -> StoredJob:
        return require_moved(outcome, self._store)


def compute_pause(asked: float | None, refusals: int) -> float:
    """Return the seconds before a create that was answered with 429 is sent again, after so many refusals before it."""
    backoff = min(2.0 ** min(refusals, MAX_EXPONENT), MOST_BACKOFF)
    return MOST_BACKOFF if asked is None else max(asked, backoff)


def _concerns_only_this_job(failure: BlumaError) -> bool:
    """Return whether a create failed because of its own content, so that other jobs can succeed."""
    if isinstance(failure, AmbiguousCreateError):
        return bool(failure.candidates)
    return isinstance(failure, (ValidationError, NotFoundError, JobPostponedError))
