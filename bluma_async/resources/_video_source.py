"""Videos as jobs of the poller: how their states are read, and which are final."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Dict, Hashable, Mapping, Sequence

import attrs

from bluma_async._wire.call import Call, get, path
from bluma_async._wire.checks import MAX_PAGE_SIZE, require_page
from bluma_async._wire.codec import One
from bluma_async._wire.ids import find_id
from bluma_async.errors import NotFoundError, WaitTimeoutError
from bluma_async.types import Template, Video, VideoEvent, VideoPage, VideoStatus
from bluma_async.waiting.pace import Pace

if TYPE_CHECKING:
    from datetime import datetime

    from bluma_async._session.session import Session

__all__ = ["VideoSource", "get_call", "list_call"]

VIDEO = One(Video)
PAGE = One(VideoPage)
# Queued videos are listed first: a video that is processed between the two lists is in both, and not in neither.
ACTIVE = (VideoStatus.QUEUED, VideoStatus.PROCESSING)
PAGES_AT_ONCE = 8  # requests in flight


def get_call(video_id: str) -> Call[Video]:
    """
    Return the call that reads a video.

    Raises:
        InvalidArgumentError: The id is invalid.
    """
    return get(path("videos", video_id), VIDEO)


def list_call(
    page: int,
    limit: int,
    status: str | None,
    template_id: str | Template | None = None,
    from_date: datetime | str | None = None,
    to_date: datetime | str | None = None,
) -> Call[VideoPage]:
    """
    Return the call that reads a page of videos.

    Raises:
        InvalidArgumentError: An argument is invalid.
    """
    require_page(limit, page=page)
    return get(
        "/videos",
        PAGE,
        page=page,
        limit=limit,
        status=status,
        template_id=find_id("template_id", template_id, Template),
        from_date=from_date,
        to_date=to_date,
    )


@attrs.frozen
class VideoSource:
    """The videos of one account."""

    session: Session

    @property
    def group(self) -> Hashable:
        """The account: the API that it belongs to, and its key."""
        return self.session.options.base_url, self.session.options.api_key

    @property
    def jobs_per_poll(self) -> int:
        """One: `GET /videos/{id}` is the only read with progress and a final state."""
        return 1

    async def poll(self, job_ids: Sequence[str], within: float) -> Mapping[str, Video | None]:
        """Return the present state of one video; None if it was created just now, and the read does not see it yet."""
        [job_id] = job_ids
        sent_at = self.session.shared.clock.now()
        try:
            return {job_id: await self.session.send(get_call(job_id), within=within)}
        except NotFoundError:
            # Reads may lag behind the create. To end the wait would have its caller, or a batch, create it again.
            tolerates = self.session.shared.certainty.tolerates_read_lag
            if not (tolerates and self.session.evidence.may_be_unseen(job_id, sent_at)):
                raise
            return {job_id: None}

    async def list_active(self, most_pages: int, within: float) -> tuple[Dict[str, Video], int] | None:
        """Return all videos that are queued or processing, read by pages of 100."""
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

    def merge_event(self, last: Video | None, event: VideoEvent) -> Video | None:
        """Return the last state with the fields of an event put over it; None for an event without a known status."""
        fields = {name: value for name, value in event.data.items() if value is not None}
        status = VideoStatus(fields.setdefault("status", str(event.type).partition(".")[2]))
        if status not in (*ACTIVE, VideoStatus.COMPLETED, VideoStatus.FAILED):
            return None
        if status.is_final and event.created_at is not None:
            fields.setdefault("completed_at", event.created_at.isoformat())
        return VIDEO({**({} if last is None else last.to_dict()), **fields})

    def is_final(self, state: Video) -> bool:
        """Whether a video is completed or failed."""
        return state.status.is_final

    def progress(self, state: Video) -> int | None:
        """The server's percentage, bounded to 0 to 100; always 100 for a completed video, None if there is none."""
        if state.status == VideoStatus.COMPLETED:
            return 100
        return None if state.progress is None else min(max(state.progress, 0), 100)

    def timeout_error(self, job_id: str, last: Video | None, timeout: float) -> WaitTimeoutError:
        """Return the error for a wait that timed out, with the last state in its message."""
        percent = f", {last.progress} %" if last and last.progress is not None else ""
        seen = f"last seen: {last.status}{percent}" if last else "never seen"
        return WaitTimeoutError(
            f"Waiting timed out: video {job_id} was not finished after {timeout:g} s ({seen}). The render "
            "continues; wait again with its id.",
            video_id=job_id,
            last=last,
        )

    def pace(self) -> Pace:
        """How fast the key's hourly budget allows requests, by the rate-limit headers of the last answer."""
        shared = self.session.shared
        return Pace(self.session.rate_limit, shared.server_clock.age(shared.clock.now()))

    async def _page(self, status: VideoStatus, number: int, within: float) -> VideoPage:
        return await self.session.send(list_call(number, MAX_PAGE_SIZE, str(status)), within=within)
