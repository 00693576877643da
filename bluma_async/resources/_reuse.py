"""
Use the video that was bought before for the same content, instead of buying it again.

Rule 1: the content is the template, the context and the options. Creates from a variant are not reused, because the
settings of a variant can change. The `webhook_url` is not part of it: no callback is sent for a video that is reused.
Rule 2: a video is used only after it was read, and its file too if it is completed. One that has failed, was deleted,
has no file any more, or is of another template is forgotten, and bought again; the log says why.
Rule 3: before a create, a failure of the index or of these reads is raised: nothing was bought. After a create it is
logged: a paid video is never lost because it could not be remembered.
Rule 4: creates of one content follow each other, in all programs of the user on this machine (`ContentTurns`). The
index belongs to the machine, so programs on two machines each buy the video.
Rule 5: an entry belongs to the base URL and the key that bought the video: no video of another account is found.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, AsyncGenerator, Dict, Mapping, Sequence

from bluma_async._runtime.clock import local_time
from bluma_async._runtime.log import logger
from bluma_async._runtime.state_folder import find_state_folder
from bluma_async._runtime.threads import in_thread
from bluma_async._session.evidence import READ_LAG
from bluma_async.errors import BlumaError, ForbiddenError, NotFoundError
from bluma_async.resources._video_calls import get_call
from bluma_async.resources._video_pages import download_call
from bluma_async.resources._video_source import ACTIVE
from bluma_async.stores.keys import fingerprint_key
from bluma_async.transfer.probe import has_file
from bluma_async.types import Video, VideoStatus

if TYPE_CHECKING:
    from bluma_async._session.session import Session
    from bluma_async.stores.contents import ContentIndex, KnownVideo

__all__ = ["ContentReuse", "hash_content"]

FILE = "contents.sqlite"
CANONICAL = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def hash_content(body: Mapping[str, Any]) -> str | None:
    """Return a hash of the content of a create, by its body as parsed JSON; None if it is never reused."""
    if body.get("template_id") is None:
        return None
    content = [body["template_id"], body["context"], body.get("options") or None]
    return hashlib.sha256(CANONICAL.encode(content).encode()).hexdigest()


class ContentReuse:
    """Finds and remembers the videos of contents, if the option `reuse` of the client asks for it."""

    def __init__(self, session: Session) -> None:
        self._session = session

    @property
    def is_wanted(self) -> bool:
        """Whether the option is set."""
        return self._session.options.reuse is not None

    @asynccontextmanager
    async def turn(self, content: str) -> AsyncGenerator[None, None]:
        """
        Wait until no other create of this content is under way. The deadline of the client bounds the wait.

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
        index = self._open()
        known: KnownVideo | None = (await in_thread(index.find, [content])).get(content)
        if known is None:
            return None
        video = await self._read(known)
        problem = "does not exist any more" if video is None else await self._find_problem(video, template_id, known)
        if problem or video is None:
            logger.warning("Video %s has the same content, but %s. It is bought again.", known.video_id, problem)
            await in_thread(index.forget, content, known.video_id)
            return None
        self._session.evidence.mark_known(video.id)
        logger.info("Video %s was bought before for the same content, and is reused.", video.id)
        video.reused = True
        return video

    async def find_known(self, contents: Sequence[str]) -> Dict[str, str]:
        """Return the recorded video of each content that has one, without reading the videos."""
        found: Dict[str, KnownVideo] = await in_thread(self._open().find, contents)
        return {content: known.video_id for content, known in found.items()}

    async def record(self, content: str, video_id: str) -> None:
        """Remember a video that was bought just now. A failure is logged, and not raised."""
        await self._record({content: video_id}, bought_at=self._find_time(), replace=True)

    async def record_older(self, entries: Mapping[str, str]) -> None:
        """Remember videos of an earlier run, unless their contents have others. A failure is logged, and not raised."""
        await self._record(entries, bought_at=0.0, replace=False)

    async def _record(self, entries: Mapping[str, str], *, bought_at: float, replace: bool) -> None:
        index = self._open()
        try:
            await in_thread(lambda: index.record(entries, bought_at=bought_at, replace=replace))
        except BlumaError as problem:
            logger.warning("A video that was bought cannot be reused later: %s", problem)

    async def _read(self, known: KnownVideo) -> Video | None:
        """Return a video as it is now; None if it does not exist. One that was just bought may not be readable yet."""
        try:
            return await self._session.send(get_call(known.video_id))
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
        if video.status in ACTIVE:
            return ""
        if video.status != VideoStatus.COMPLETED:
            return f"has the status {str(video.status)!r}"
        return "" if await self._has_file(video, known) else "its file does not exist any more"

    async def _has_file(self, video: Video, known: KnownVideo) -> bool:
        try:
            link: str | None = (await self._session.send(download_call(video))).download_url
        except NotFoundError:
            return self._is_recent(known)
        except ForbiddenError:  # a key may lack the scope `videos:download`; the public link is as good
            link = video.url
        try:
            return link is None or await has_file(self._session, link)
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

    def _open(self) -> ContentIndex:
        from bluma_async.stores.contents import ContentIndex  # noqa: PLC0415 - loads SQLite, which few programs need

        options = self._session.options
        account = fingerprint_key(options.base_url, options.api_key, size=32)
        return ContentIndex(find_state_folder() / FILE, account)
