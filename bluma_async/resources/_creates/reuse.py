"""
Use the video that was bought before for the same content, instead of buying it again.

Rule 1: the content is that of `_wire/content.py`: the template, the context and the options. Creates from a variant are
not reused, because the settings of a variant can change. No callback is sent for a video that is reused.
Rule 2: a video is used only after it was read, and its file too if it is completed. One that has failed, was deleted,
has no file any more, or is of another template is forgotten, and bought again; the log says why. A status that the SDK
does not know is not final: such a video is under way.
Rule 3: before a create, a failure of the index or of these reads is raised: nothing was bought. After a create it is
logged: a paid video is never lost because it could not be remembered.
Rule 4: creates of one content follow each other, in all programs of the user on this machine (`ContentTurns`). The
index belongs to the machine, so programs on two machines each buy the video.
Rule 5: an entry belongs to the base URL and the key that bought the video: no video of another account is found.
Rule 6: a content belongs to its create as long as the outcome of that is not known: no other create buys it meanwhile,
in any program on this machine (`pending.py`).
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, AsyncGenerator, Dict, List, Mapping, Sequence

from bluma_async._runtime.clock import local_time
from bluma_async._runtime.log import logger
from bluma_async._runtime.state_folder import find_state_folder
from bluma_async._runtime.threads import in_thread
from bluma_async._session.evidence import READ_LAG
from bluma_async.errors import BlumaError, ForbiddenError, NotFoundError, RequestTimeoutError
from bluma_async.resources._videos.calls import get_call
from bluma_async.resources._videos.pages import download_call
from bluma_async.stores.keys import fingerprint_key
from bluma_async.transfer.probe import has_file
from bluma_async.types import Video, VideoStatus

if TYPE_CHECKING:
    from bluma_async._session.in_flight import InFlightCall
    from bluma_async._session.session import Session
    from bluma_async.stores.contents import ContentIndex, KnownVideo, PendingCreate

__all__ = ["ContentReuse", "open_index"]

FILE = "contents.sqlite"


class ContentReuse:
    """Finds and remembers the videos of contents, if the option `reuse` of the client asks for it."""

    def __init__(self, session: Session, began: float | None = None) -> None:
        """
        Set up the reuse of videos.

        Args:
            session: What to send with.
            began: When the call began whose `deadline` bounds all requests, by our clock; None bounds each by itself.
        """
        self._session = session
        self._began = began

    @property
    def limited(self) -> Session:
        """
        The session, with what is left of the deadline.

        Raises:
            RequestTimeoutError: Nothing is left. Nothing was bought.
        """
        deadline = self._session.options.deadline
        if deadline is None or self._began is None:
            return self._session
        left = self._began + deadline - self._session.shared.clock.now()
        if left <= 0:
            raise RequestTimeoutError("No time is left before the deadline. Nothing was bought.", request_sent=False)
        return self._session.with_options({"deadline": left})

    @property
    def is_wanted(self) -> bool:
        """Whether the option is set."""
        return self._session.options.reuse is not None

    @asynccontextmanager
    async def turn(self, content: str) -> AsyncGenerator[None, None]:
        """
        Wait until no other create of this content has the turn. The deadline of the client bounds the wait.

        Raises:
            BlumaError: Another program has the turn all the time, or there can be no turns. Nothing was bought.
        """
        async with self._session.shared.content_turns.acquire(content, self._session.options.deadline):
            yield

    async def find(self, content: str, template_id: str) -> Video | None:
        """
        Return the video that was bought for a content, if it has not failed and still exists.

        Args:
            content: The hash of the content.
            template_id: The template in the content, which the video must have.

        Raises:
            BlumaError: The index, the video or its file cannot be read. Nothing was bought.
        """
        known = await self.look_up(content)
        return None if known is None else await self.use(known, content, template_id)

    async def look_up(self, content: str) -> KnownVideo | None:
        """
        Return the record of a content, if it has one.

        Raises:
            BlumaError: The index cannot be read. Nothing was bought.
        """
        found: Dict[str, KnownVideo] = await in_thread(open_index(self._session).find, [content])
        return found.get(content)

    async def use(self, known: KnownVideo, content: str, template_id: str) -> Video | None:
        """
        Return a recorded video if it can be used; otherwise forget it.

        Raises:
            BlumaError: The video or its file cannot be read. Nothing was bought.
        """
        video = await self._read(known)
        problem = "does not exist any more" if video is None else await self._find_problem(video, template_id, known)
        if problem or video is None:
            logger.warning("Video %s has the same content, but %s. It is bought again.", known.video_id, problem)
            await self.forget(content, known.video_id)
            return None
        self._session.evidence.mark_known(video.id)
        logger.info("Video %s was bought before for the same content, and is reused.", video.id)
        video.reused = True
        return video

    def list_open(self, content: str) -> List[InFlightCall]:
        """Return the creates of a content in this process whose outcome is not known."""
        return [call for call in self._session.evidence.open_calls if call.content == content]

    async def find_known(self, contents: Sequence[str]) -> Dict[str, str]:
        """Return the recorded video of each content that has one, without reading the videos."""
        found: Dict[str, KnownVideo] = await in_thread(open_index(self._session).find, contents)
        return {content: known.video_id for content, known in found.items()}

    async def forget(self, content: str, video_id: str) -> None:
        """
        Forget a video that cannot be used.

        Raises:
            BlumaError: The index cannot be written.
        """
        await in_thread(open_index(self._session).forget, content, video_id)

    async def list_pending(self) -> List[PendingCreate]:
        """
        Return the recorded creates without an outcome.

        Raises:
            BlumaError: The index cannot be read.
        """
        creates: List[PendingCreate] = await in_thread(open_index(self._session).list_pending)
        return creates

    async def end(self, content: str, request_key: str | None) -> None:
        """Forget a recorded create that certainly was not accepted. A failure is logged: the next create searches."""
        try:
            await in_thread(open_index(self._session).end, content, request_key)
        except BlumaError as problem:
            logger.warning("The end of a create (Idempotency-Key %s) was not recorded: %s", request_key, problem)

    async def record(self, content: str, video_id: str) -> None:
        """Remember a video that was bought just now. A failure is logged, and not raised."""
        try:
            await self._record({content: video_id}, bought_at=self._find_time(), replace=True)
        except asyncio.CancelledError:  # nobody else knows the id: the caller is gone
            logger.warning("A create was interrupted. It became video %s, which is paid; wait for its id.", video_id)
            raise

    async def record_older(self, entries: Mapping[str, str]) -> None:
        """Remember videos of an earlier run, unless their contents have others. A failure is logged, and not raised."""
        await self._record(entries, bought_at=0.0, replace=False)

    async def _record(self, entries: Mapping[str, str], *, bought_at: float, replace: bool) -> None:
        index = open_index(self._session)
        try:
            await in_thread(lambda: index.record(entries, bought_at=bought_at, replace=replace))
        except BlumaError as problem:
            logger.warning("A video that was bought cannot be reused later: %s", problem)

    async def _read(self, known: KnownVideo) -> Video | None:
        """Return a video as it is now; None if it does not exist. One that was just bought may not be readable yet."""
        try:
            return await self.limited.send(get_call(known.video_id, self._session.evidence))
        except NotFoundError:
            if not self._is_recent(known):
                return None
        evidence = self._session.evidence
        if not evidence.knows_create(known.video_id):  # a wait for it is patient then
            evidence.mark_created(known.video_id, self._session.shared.clock.now())
        return Video(id=known.video_id, status=VideoStatus.QUEUED)

    async def _find_problem(self, video: Video, template_id: str, known: KnownVideo) -> str:
        """Return why a video is not used; empty text if it is."""
        if video.template_id not in ("", template_id):
            return f"belongs to the template {video.template_id!r}"
        if video.status == VideoStatus.FAILED:
            return f"has the status {str(video.status)!r}"
        if video.status != VideoStatus.COMPLETED or await self._has_file(video, known):
            return ""
        return "its file does not exist any more"

    async def _has_file(self, video: Video, known: KnownVideo) -> bool:
        try:
            link: str | None = (await self.limited.send(download_call(video))).download_url
        except NotFoundError:
            return self._is_recent(known)
        except ForbiddenError:  # a key may lack the scope `videos:download`; the public link is as good
            link = video.url
        try:
            return link is None or await has_file(self.limited, link)
        except BlumaError as problem:
            raise BlumaError(
                f"Video {video.id} was bought before for the same content, but its file could not be read: {problem} "
                'Nothing was bought. Try again later, or leave out reuse="content" to buy it again.',
                status=problem.status,
            ) from problem

    def _is_recent(self, known: KnownVideo) -> bool:
        """Return whether a video was bought so recently that reads may not see it yet."""
        return abs(self._find_time() - known.bought_at) < READ_LAG

    def _find_time(self) -> float:
        now = local_time(self._session.shared.clock)
        return 0.0 if now is None else now.timestamp()


def open_index(session: Session) -> ContentIndex:
    """Return the index of the contents of an account. No file is opened yet."""
    from bluma_async.stores.contents import ContentIndex  # noqa: PLC0415 - loads SQLite, which few programs need

    options = session.options
    account = fingerprint_key(options.base_url, options.api_key, size=32)
    return ContentIndex(find_state_folder() / FILE, account)
