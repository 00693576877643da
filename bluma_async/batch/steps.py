"""
Take a job from wherever it is to its end: create, wait, save.

Rule 1: the intent is in the journal before the request goes out, and the video's id before the template's next turn.
Rule 2: a create that is under way is let finish, for a while, when the batch is stopped.
Rule 3: what certainly was not accepted is planned again, or has failed; what nobody knows stays `creating`, for the
next start to look for, and nothing more is submitted.
"""

from __future__ import annotations

import asyncio
import uuid
from typing import TYPE_CHECKING, Any, Coroutine, TypeVar

from bluma_async._runtime.callbacks import call_back
from bluma_async._runtime.threads import in_thread
from bluma_async._wire.retry import is_certainly_refused
from bluma_async.batch import moves, records
from bluma_async.errors import (
    AmbiguousCreateError,
    BlumaError,
    NotFoundError,
    RateLimitError,
    ValidationError,
)
from bluma_async.types import BatchResult, JobState, Video, VideoStatus
from bluma_async.types._model import utc_now

if TYPE_CHECKING:
    from pathlib import Path

    from bluma_async.batch.catalog import Catalog
    from bluma_async.batch.create_turns import CreateTurns
    from bluma_async.batch.credit_limit import CreditLimit
    from bluma_async.batch.journal import Journal
    from bluma_async.batch.records import Entry
    from bluma_async.batch.terms import Api, Stop, Terms

__all__ = ["Steps"]

T = TypeVar("T")
LETTING_FINISH = 5.0  # seconds for a create under way when the batch is stopped
MINUTE = 60.0


class _Unsubmitted(Exception):  # noqa: N818 - it is no error
    """Nothing was submitted, and nothing is to be told of the job: it stays planned."""


class Steps:
    """What is done with one job after the other."""

    def __init__(
        self,
        terms: Terms,
        api: Api,
        journal: Journal,
        catalog: Catalog,
        credit_limit: CreditLimit,
        create_turns: CreateTurns,
        stop: Stop,
    ) -> None:
        self._terms = terms
        self._api = api
        self._journal = journal
        self._catalog = catalog
        self._credit_limit = credit_limit
        self._create_turns = create_turns
        self._stop = stop

    async def take(self, entry: Entry) -> BatchResult | None:
        """Take a job as far as it gets; return what became of it, None if it was not submitted."""
        try:
            if entry.state == JobState.PLANNED:
                entry = await self._create(entry)
            if entry.state == JobState.RENDERING:
                entry = await self._wait(entry)
            if entry.state in (JobState.RENDERED, JobState.SAVED) and self._terms.out is not None:
                entry = await self._save(entry, self._terms.out)
        except _Unsubmitted:
            return None
        except BlumaError as error:
            error.video_id = error.video_id or entry.video_id
            return (await self._journal.do(records.read, entry.place)).result(error)
        return entry.result()

    async def _create(self, entry: Entry) -> Entry:
        async with self._create_turns.of(entry.template_id):
            while not self._stop:
                await self._tell(entry.result(), JobState.CREATING)
                try:
                    return await self._moved(entry, _finished(self._paid(entry)))
                except RateLimitError as refusal:
                    await self._api.clock.sleep(MINUTE if refusal.retry_after is None else refusal.retry_after)
                except BlumaError as failure:
                    if _is_the_jobs_own(failure):
                        raise
                    self._stop.because(failure)  # no other would do better
                    if not is_certainly_refused(failure):
                        raise
        raise _Unsubmitted

    async def _paid(self, entry: Entry) -> None:
        """Write down what is about to be done, do it, and write down what came of it."""
        await self._know_price(entry)
        with self._credit_limit.hold(entry.template_id, entry.resolution):
            key = uuid.uuid4().hex
            began = self._api.session.shared.server_clock.at(self._api.clock.now()) or utc_now()
            await self._journal.do(moves.intend, entry, key, began.isoformat())
            try:
                video = await self._api.videos.create(**entry.arguments, idempotency_key=key)
            except BlumaError as failure:
                await self._note_failure(entry, failure)
                raise
            await self._note_bill(entry, video)

    async def _know_price(self, entry: Entry) -> None:
        if not self._credit_limit.is_limited or entry.template_id is None:
            return
        try:
            await self._catalog.need(entry.template_id)
        except NotFoundError as failure:
            await self._note_failure(entry, failure)
            raise

    async def _note_bill(self, entry: Entry, video: Video) -> None:
        self._credit_limit.spend(entry.template_id, entry.resolution, video.credits_charged)
        try:
            await self._journal.do(moves.bill, entry, video.id, video.credits_charged)
        except BlumaError as failure:
            failure.video_id = video.id  # it is paid, and nobody else knows of it
            self._stop.because(failure)
            raise

    async def _note_failure(self, entry: Entry, failure: BlumaError) -> None:
        if isinstance(failure, AmbiguousCreateError) and failure.candidates:
            names = [video.id for video in failure.candidates]
            await self._journal.do(moves.doubt, entry, names, str(failure))
        elif isinstance(failure, (ValidationError, NotFoundError)):
            await self._journal.do(moves.fail, entry, str(failure))
        elif is_certainly_refused(failure):
            await self._journal.do(moves.put_back, entry, str(failure))

    async def _wait(self, entry: Entry) -> Entry:
        terms, video_id = self._terms, entry.video_id or ""
        try:
            video = await self._api.videos.wait_for(video_id, terms.poll_interval, terms.timeout)
        except NotFoundError as gone:
            await self._journal.do(moves.fail, entry, str(gone))
            raise
        if video.status == VideoStatus.FAILED:
            reason = video.error.get("detail") if video.error else None
            self._credit_limit.give_back(entry.charged)
            return await self._moved(
                entry,
                self._journal.do(moves.refund, entry, f"Video {video_id} failed: {reason or 'no reason was given'}"),
            )
        charged = max(entry.charged, video.credits_charged)
        return await self._moved(entry, self._journal.do(moves.rendered, entry, charged, video.size_bytes))

    async def _save(self, entry: Entry, out: Path) -> Entry:
        file, size = self._terms.file_of(out, entry.key), entry.size
        if not await in_thread(records.is_whole, str(file), size):  # else it is only the note that is missing
            try:
                size = await self._api.videos.save(entry.video_id or "", file, overwrite=True)
            except BlumaError as failure:
                if type(failure) is BlumaError:
                    self._stop.because(failure)  # a full disk, say: what is paid could not be kept
                raise
        return await self._moved(entry, self._journal.do(moves.saved, entry, str(file), size))

    async def _moved(self, entry: Entry, work: Coroutine[Any, Any, Any]) -> Entry:
        """Do what moves a job, and return it as it is then."""
        await work
        entry = await self._journal.do(records.read, entry.place)
        await self._tell(entry.result(), entry.state)
        return entry

    async def _tell(self, result: BatchResult, state: JobState) -> None:
        if self._terms.on_change is not None:
            result.state = state
            await call_back(self._terms.on_change, result)


def _is_the_jobs_own(failure: BlumaError) -> bool:
    """Whether a create failed for what it asks for, so that others may do better."""
    if isinstance(failure, AmbiguousCreateError):
        return bool(failure.candidates)
    return isinstance(failure, (ValidationError, NotFoundError))


async def _finished(work: Coroutine[Any, Any, T]) -> T:
    """Do something that is let finish, for a while, when its caller is cancelled."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task], timeout=LETTING_FINISH)
        task.cancel()
        await asyncio.wait([task])
        _ = task.cancelled() or task.exception()
        raise
