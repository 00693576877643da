"""Videos as jobs of the poller: how their states are read, and which are final."""

from __future__ import annotations

from typing import TYPE_CHECKING, Dict, Hashable, Mapping, Sequence

import attrs

from bluma_async._runtime.tasks import gather
from bluma_async._wire.aliases import UNREADABLE_STATUS
from bluma_async._wire.call import get
from bluma_async._wire.checks import MAX_PAGE_SIZE
from bluma_async._wire.codec import One, find_unreadable
from bluma_async.errors import NotFoundError
from bluma_async.resources._videos.calls import VIDEO, fill_charge, get_call, require_video_id
from bluma_async.types import Video, VideoEvent, VideoPage, VideoStatus
from bluma_async.waiting.pace import Pace
from bluma_async.waiting.timeouts import build_timeout_error

if TYPE_CHECKING:
    from bluma_async._session.pauses import BudgetPause
    from bluma_async._session.session import Session
    from bluma_async.errors import WaitTimeoutError
    from bluma_async.waiting.contact import Contact

__all__ = ["VideoSource"]

# Queued videos are listed first: a video that is processed between the two lists is in both, and not in neither.
ACTIVE = (VideoStatus.QUEUED, VideoStatus.PROCESSING)
KNOWN = (*ACTIVE, VideoStatus.COMPLETED, VideoStatus.FAILED)
PAGES_AT_ONCE = 8  # requests in flight


@attrs.frozen
class VideoSource:
    """The videos of one account."""

    session: Session

    @property
    def group(self) -> Hashable:
        """The account: the API that it belongs to, and its key."""
        return self.session.options.base_url, self.session.api_key

    def claim(self, video_id: str | Video) -> str:
        """
        Return the id of a video that is waited for: the caller knows it, so it is not a video of a lost create.

        Raises:
            InvalidArgumentError: The id is invalid.
        """
        job_id = require_video_id(video_id)
        self.session.evidence.mark_known(job_id)
        return job_id

    @property
    def jobs_per_poll(self) -> int:
        """One: `GET /videos/{id}` is the only read with progress and a final state."""
        return 1

    async def poll(self, job_ids: Sequence[str], within: float) -> Mapping[str, Video | None]:
        """Return the present state of one video; None if it was created just now, and the read does not see it yet."""
        [job_id] = job_ids
        sent_at = self.session.shared.clock.now()
        try:
            return {job_id: await self.session.send(get_call(job_id, self.session.evidence), within=within)}
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
                read += await gather(*(self._page(status, number, within) for number in numbers))
            found.update((video.id, video) for page in read for video in page)
        return found, requests

    def merge_event(self, last: Video | None, event: VideoEvent) -> Video | None:
        """Return the last state with the fields of an event put over it; None if the event tells no known status."""
        fields = {name: value for name, value in event.data.items() if value is not None}
        status = fields.setdefault("status", str(event.type).partition(".")[2])
        if status not in KNOWN:
            return None
        if VideoStatus(status).is_final and event.created_at is not None:
            fields.setdefault("completed_at", event.created_at.isoformat())
        if find_unreadable(Video, fields):
            return None  # the last state may have this field
        try:
            video = VIDEO({**({} if last is None else last.to_dict()), **fields})
        except (ValueError, TypeError, RecursionError):  # a field is not as documented: the video is polled
            return None
        return fill_charge(video, fields, self.session.evidence)

    def is_final(self, state: Video) -> bool:
        """Return whether a video is completed or failed."""
        return state.status.is_final

    def status(self, state: Video) -> str:
        """Return the status of a video."""
        return str(state.status)

    def is_known(self, state: Video) -> bool:
        """Return whether this version knows the status: an unknown one is polled further."""
        return state.status in KNOWN

    def progress(self, state: Video) -> int | None:
        """The server's percentage, bounded to 0 to 100; always 100 for a completed video, None if there is none."""
        if state.status == VideoStatus.COMPLETED:
            return 100
        return None if state.progress is None else min(max(state.progress, 0), 100)

    def timeout_error(self, job_id: str, last: Video | None, timeout: float, contact: Contact) -> WaitTimeoutError:
        """Return the error for a wait that timed out, with the last state in its message."""
        seen, outlook = None, "The render continues"
        if last is not None:
            seen = f"{last.status}, {last.progress} %" if last.progress is not None else str(last.status)
            if str(last.status) == UNREADABLE_STATUS:
                seen += ", because the answer had no readable status"
            elif not self.is_known(last):
                seen += ", a status that this version does not know"
                outlook = f"If that is final, pass final_statuses=[{str(last.status)!r}]"
        return build_timeout_error(
            f"video {job_id}", timeout, contact, seen=seen, outlook=outlook, video_id=job_id, last=last
        )

    def pace(self) -> Pace:
        """The pace of requests that the key's hourly budget allows, by the last answer and by the calls that wait."""
        session, clock = self.session, self.session.shared.clock
        return Pace(session.rate_limit, session.shared.server_clock.age(clock.now()), session.pauses.find(clock))

    def report_pause(self, pause: BudgetPause) -> None:
        """Log that polls wait for the budget, once for each pause."""
        self.session.pauses.report(pause, self.session.shared.clock)

    async def _page(self, status: VideoStatus, number: int, within: float) -> VideoPage:
        call = get("/videos", One(VideoPage), page=number, limit=MAX_PAGE_SIZE, status=str(status))
        return await self.session.send(call, within=within)
