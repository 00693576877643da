"""
The contents of the jobs of a batch: which were bought before, and which may have been.

Rule 1: the videos of a journal are recorded, so that other journals and single creates can reuse them.
Rule 2: while the create of a job is open or in doubt, no other job with its content is created: it may be paid.
Rule 3: a recorded video that cannot be read concerns its job only: that stays planned, and the others go on.
Rule 4: the journal decides what became of its own creates, and their records in the index are changed after that. A
create of another journal, or of a single video, is settled before the content is bought.
"""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import TYPE_CHECKING, AsyncGenerator, Dict, Sequence

from bluma_async._runtime.log import logger
from bluma_async._runtime.tasks import finish
from bluma_async._session.content_turns import ContentBusyError
from bluma_async._wire.content import hash_content
from bluma_async.batch.conflicts import JobPostponedError
from bluma_async.errors import AuthenticationError, BlumaError, NetworkError, RateLimitError
from bluma_async.resources._creates.earlier import settle_recorded
from bluma_async.resources._creates.pending import begin_pending
from bluma_async.stores.states import JobState

if TYPE_CHECKING:
    from bluma_async._session.session import Session
    from bluma_async.resources._creates.reuse import ContentReuse
    from bluma_async.stores.jobs import StoredJob
    from bluma_async.stores.ports import JobStore
    from bluma_async.types import Video

__all__ = ["BoughtContents", "free_contents"]

OPEN = (JobState.CREATING, JobState.IN_DOUBT)
BOUGHT = (JobState.RENDERING, JobState.RENDERED, JobState.SAVED)
CONCERNS_ALL = (AuthenticationError, RateLimitError, NetworkError)
MAY_BE_BOUGHT = (
    "The job was not created: {} has the same content, and may have bought it. Run the batch again when that is "
    "settled; a job in doubt needs `adopt`, or `retry` with resubmit."
)


async def free_contents(store: JobStore, session: Session, states: Sequence[JobState]) -> None:
    """Let the contents of jobs in these states be bought again: the user accepts that one in doubt is paid twice."""
    for state in states:
        after = 0
        while page := await store.list_jobs(state, after):
            for call in filter(None, (session.evidence.find_open(job.request_key) for job in page)):
                call.content = None
            after = page[-1].place


class BoughtContents:
    """Finds and remembers the videos of the contents of jobs, if the option `reuse` of the client asks for it."""

    def __init__(self, contents: ContentReuse, store: JobStore) -> None:
        self._contents = contents
        self._store = store
        self._in_doubt: Dict[str, str] | None = None  # the key of a job by its content; None until it is read

    async def record_all(self) -> None:
        """Record the videos that the jobs of the journal have. Older entries stay."""
        if not self._contents.is_wanted:
            return
        recorded = {create.content for create in await self._contents.list_pending()}
        for state in BOUGHT:
            after = 0
            while page := await self._store.list_jobs(state, after):
                hashed = ((self.find_content(job), job) for job in page if not job.is_reused)
                bought = {content: job for content, job in hashed if content is not None and job.video_id}
                await self._contents.record_older({content: job.video_id or "" for content, job in bought.items()})
                for content in recorded & {*bought}:  # the journal was interrupted before it recorded the video
                    await self._contents.end(content, bought[content].request_key)
                after = page[-1].place

    def find_content(self, job: StoredJob) -> str | None:
        """Return the hash of the content of a job; None if it is never reused."""
        return hash_content(job.arguments) if self._contents.is_wanted else None

    @asynccontextmanager
    async def turn(self, content: str) -> AsyncGenerator[None, None]:
        """
        Wait until no other create of this content has the turn.

        Raises:
            JobPostponedError: Another create of the content kept the turn until the wait ended.
            BlumaError: The file of the turn cannot be opened.
        """
        async with AsyncExitStack() as stack:
            try:
                await stack.enter_async_context(self._contents.turn(content))
            except ContentBusyError as busy:
                raise JobPostponedError(str(busy), status=busy.status) from busy
            yield

    async def find_bought(self, job: StoredJob, content: str) -> Video | None:
        """
        Return the video that was bought before for the content of a job.

        Raises:
            JobPostponedError: It cannot be read, or it is not known whether the content was bought.
            BlumaError: The index or the API cannot be used, by no job.
        """
        known = await self._contents.look_up(content)
        try:
            video = None if known is None else await self._contents.use(known, content, job.template_id or "")
            return video or await self._settle_earlier(job, content)
        except (*CONCERNS_ALL, JobPostponedError):
            raise
        except BlumaError as failure:
            raise JobPostponedError(str(failure), status=failure.status) from failure

    async def _settle_earlier(self, job: StoredJob, content: str) -> Video | None:
        """Return the video of an earlier create of a content; None if it certainly has none."""
        await self._require_certainty(content)
        if job.request_key is not None:  # its create was not accepted, or the user wants another one
            await self._contents.end(content, job.request_key)
        return await settle_recorded(self._contents, content, job.template_id or "")

    async def _require_certainty(self, content: str) -> None:
        if self._in_doubt is None:
            self._in_doubt = await self._read_in_doubt()
        creating = (job.key for job in await self._store.list_creating() if self.find_content(job) == content)
        key = self._in_doubt.get(content) or next(creating, None)
        if key is not None or self._contents.list_open(content):
            holder = "a create of this program" if key is None else f"job {key!r}"
            raise JobPostponedError(MAY_BE_BOUGHT.format(holder), status=503)

    async def _read_in_doubt(self) -> Dict[str, str]:
        found: Dict[str, str] = {}
        after = 0
        while page := await self._store.list_jobs(JobState.IN_DOUBT, after):
            found.update((content, job.key) for job in page if (content := self.find_content(job)) is not None)
            after = page[-1].place
        return found

    @asynccontextmanager
    async def pending(self, job: StoredJob, content: str, request_key: str) -> AsyncGenerator[None, None]:
        """
        Keep the record of a create for as long as the block sends it, and afterwards if the journal has no outcome.

        Raises:
            BlumaError: The index cannot be written. Nothing was sent.
        """
        try:
            await begin_pending(self._contents.limited, content, request_key, job.template_id or "")
            yield
        except BaseException:
            await finish(self._follow_journal(job, content, request_key))
            raise

    async def _follow_journal(self, job: StoredJob, content: str, request_key: str) -> None:
        """Record the outcome that the journal has of a create that was interrupted, or has failed."""
        with suppress(BlumaError):  # without an outcome, the create stays recorded
            stored = await self._store.read(job.place)
            if stored is not None and stored.request_key == request_key and stored.state in OPEN:
                return
            if stored is not None and stored.request_key == request_key:
                await self.remember(stored)
            await self._contents.end(content, request_key)

    def note_doubt(self, job: StoredJob) -> None:
        """Note that a job is in doubt, so that its content is not bought for another one."""
        content = self.find_content(job)
        if content is not None and self._in_doubt is not None:
            self._in_doubt[content] = job.key

    async def end(self, job: StoredJob) -> None:
        """Forget the recorded create of a job, which certainly was not accepted."""
        content = self.find_content(job)
        if content is not None:
            await self._contents.end(content, job.request_key)

    async def remember(self, job: StoredJob) -> None:
        """Record the video that was billed for a job, so that its content is not bought again."""
        content = self.find_content(job)
        if content is not None and job.video_id is not None and not job.is_reused:
            await self._contents.record(content, job.video_id)

    async def forget(self, job: StoredJob) -> None:
        """Forget the video of a job, which has failed: its content is bought again. A failure is logged."""
        content = self.find_content(job)
        if content is not None and job.video_id is not None:
            try:
                await self._contents.forget(content, job.video_id)
            except BlumaError as problem:
                logger.warning("The failed video %s is not forgotten: %s", job.video_id, problem)
