"""
Use the video that was bought before for the same content, instead of buying it again.

Rule 1: the content is the template, the context and the options. Creates from a variant are not reused, because the
settings of a variant can change. The `webhook_url` is not part of it: no callback is sent for a video that is reused.
Rule 2: a video is used only after it was read: one that has failed or was deleted is forgotten, and bought again.
Rule 3: before a create, a failure of the index or of that read is raised: nothing was bought. After a create it is
logged: a paid video is never lost because it could not be remembered.
Rule 4: in one event loop, creates of one content follow each other. Two programs that create the same content at the
same moment both buy it.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, AsyncGenerator, Dict, List, Mapping, Sequence, Tuple

from bluma_async._runtime.log import logger
from bluma_async._runtime.state_folder import find_state_folder
from bluma_async._runtime.threads import in_thread
from bluma_async.errors import BlumaError, NotFoundError
from bluma_async.resources._video_source import get_call
from bluma_async.types import VideoStatus

if TYPE_CHECKING:
    from bluma_async._session.session import Session
    from bluma_async.stores.contents import ContentIndex
    from bluma_async.types import Video

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
        self._turns = session.shared.content_turns

    @property
    def is_wanted(self) -> bool:
        """Whether the option is set."""
        return self._session.options.reuse is not None

    @asynccontextmanager
    async def turn(self, content: str) -> AsyncGenerator[None, None]:
        """Wait until no other create of this content is under way in this event loop."""
        place = (id(asyncio.get_running_loop()), content)
        lock = self._turns.setdefault(place, asyncio.Lock())
        try:
            async with lock:
                yield
        finally:
            if not lock.locked():
                self._turns.pop(place, None)

    async def find(self, content: str) -> Video | None:
        """
        Return the video that was bought for a content, if it has not failed and still exists.

        Raises:
            BlumaError: The index, or the video, cannot be read. Nothing was bought.
        """
        index = self._open()
        video_id = (await in_thread(index.find, [content])).get(content)
        if video_id is None:
            return None
        try:
            video = await self._session.send(get_call(video_id))
        except NotFoundError:
            video = None
        if video is None or video.status == VideoStatus.FAILED:
            await in_thread(index.forget, content, video_id)
            return None
        self._session.evidence.mark_known(video_id)
        logger.info("Video %s was bought before for the same content, and is reused.", video_id)
        video.reused = True
        return video

    async def find_known(self, contents: Sequence[str]) -> Dict[str, str]:
        """Return the recorded video of each content that has one, without reading the videos."""
        found: Dict[str, str] = await in_thread(self._open().find, contents)
        return found

    async def record(self, content: str, video_id: str) -> None:
        """Remember a video that was bought. A failure is logged, and not raised."""
        await self._record([(content, video_id)], replace=True)

    async def record_older(self, entries: List[Tuple[str, str]]) -> None:
        """Remember videos of an earlier run, unless their contents have others. A failure is logged, and not raised."""
        await self._record(entries, replace=False)

    async def _record(self, entries: List[Tuple[str, str]], *, replace: bool) -> None:
        index = self._open()
        try:
            await in_thread(lambda: index.record(entries, replace=replace))
        except BlumaError as problem:
            logger.warning("A video that was bought cannot be reused later: %s", problem)

    def _open(self) -> ContentIndex:
        from bluma_async.stores.contents import ContentIndex  # noqa: PLC0415 - loads SQLite, which few programs need

        options = self._session.options
        account = hashlib.sha256(f"{options.base_url} {options.api_key}".encode()).hexdigest()[:32]
        return ContentIndex(find_state_folder() / FILE, account)
