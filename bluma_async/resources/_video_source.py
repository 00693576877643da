"""Videos as something to wait for."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Dict, Hashable, Mapping, Sequence

import attrs

from bluma_async._wire.call import Call, get, path
from bluma_async._wire.checks import MAX_PAGE_SIZE
from bluma_async._wire.codec import One
from bluma_async.errors import WaitTimeoutError
from bluma_async.types import Video, VideoEvent, VideoPage, VideoStatus
from bluma_async.waiting.pace import Pace

if TYPE_CHECKING:
    from bluma_async._session.session import Session

__all__ = ["VideoSource", "get_call"]

VIDEO = One(Video)
ACTIVE = (VideoStatus.QUEUED, VideoStatus.PROCESSING)  # in this order: what moves on between two lists is in both
PAGES_AT_ONCE = 8


def get_call(video_id: str) -> Call[Video]:
    """
    Build the call that reads a video.

    Raises:
        InvalidArgumentError: This cannot be an id.
    """
    return get(path("videos", video_id), VIDEO)


@attrs.frozen
class VideoSource:
    """The videos of one account."""

    session: Session

    @property
    def group(self) -> Hashable:
        """The account: whose key it is, and where."""
        return self.session.options.base_url, self.session.options.api_key

    @property
    def at_once(self) -> int:
        """How many videos one look can read."""
        return 1

    async def look(self, job_ids: Sequence[str], within: float) -> Mapping[str, Video]:
        """Read one video."""
        [job_id] = job_ids
        return {job_id: await self.session.send(get_call(job_id), within=within)}

    async def list_active(self, most_pages: int, within: float) -> tuple[Dict[str, Video], int] | None:
        """Read all that are queued or processing, by pages."""
        found: Dict[str, Video] = {}
        requests = 0
        for status in ACTIVE:
            first = await self._page(status, 1, within)
            pages = first.pagination.total_pages
            requests += max(pages, 1)
            if requests > most_pages:
                return None
            read = [first]
            for start in range(2, pages + 1, PAGES_AT_ONCE):
                numbers = range(start, min(start + PAGES_AT_ONCE, pages + 1))
                read += await asyncio.gather(*(self._page(status, number, within) for number in numbers))
            found.update((video.id, video) for page in read for video in page)
        return found, requests

    def learned(self, last: Video | None, news: VideoEvent) -> Video | None:
        """Return a video as an event tells of it, over what was seen of it last."""
        told = {name: value for name, value in news.data.items() if value is not None}
        known = {} if last is None else last.to_dict()
        state = VideoStatus(told.setdefault("status", str(news.type).partition(".")[2]))
        if state.is_final and news.created_at is not None:
            told.setdefault("completed_at", news.created_at.isoformat())
        is_known = state in (*ACTIVE, VideoStatus.COMPLETED, VideoStatus.FAILED)
        return VIDEO({**known, **told}) if is_known else None

    def is_final(self, state: Video) -> bool:
        """Whether a video is completed, or failed."""
        return state.status.is_final

    def progress(self, state: Video) -> int | None:
        """How far it is; 100 for a completed one, whatever the server says."""
        if state.status == VideoStatus.COMPLETED:
            return 100
        return None if state.progress is None else min(max(state.progress, 0), 100)

    def timed_out(self, job_id: str, last: Video | None, timeout: float) -> WaitTimeoutError:
        """Say what was seen last."""
        percent = f", {last.progress} %" if last and last.progress is not None else ""
        seen = f"last seen: {last.status}{percent}" if last else "never seen"
        return WaitTimeoutError(
            f"Waiting timed out: video {job_id} was not finished after {timeout:g} s ({seen}). It goes on; wait "
            "again with its id.",
            video_id=job_id,
            last=last,
        )

    def pace(self) -> Pace:
        """How fast the key's budget lets one ask."""
        told_at = self.session.shared.dated
        age = self.session.shared.clock.now() - told_at[1] if told_at else 0.0
        return Pace(self.session.rate_limit, age)

    async def _page(self, status: VideoStatus, number: int, within: float) -> VideoPage:
        call = get("/videos", One(VideoPage), page=number, limit=MAX_PAGE_SIZE, status=str(status))
        return await self.session.send(call, within=within)
