"""Search the account for the videos that a create without an answer may have become."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, FrozenSet, List, Sequence, cast

import attrs

from bluma_async._wire.call import Call, get
from bluma_async._wire.checks import MAX_PAGE_SIZE
from bluma_async._wire.codec import One
from bluma_async._wire.times import read_datetime
from bluma_async._wire.video_search import MOST_REQUESTS, CandidateSearch, ListedVideo, VideoListing
from bluma_async.types import Video

if TYPE_CHECKING:
    from datetime import datetime

    from bluma_async._session.session import Session

__all__ = ["Found", "read_newest", "search_videos"]

TRIES = 3  # a list from which something was deleted meanwhile is read again
VIDEO = One(Video)


async def read_newest(session: Session, template_id: str | None) -> Sequence[ListedVideo]:
    """
    Return the newest videos of a template, or of the account; as many as one page has.

    Raises:
        BlumaError: The list could not be read.
    """
    return (await session.send(_list_call(1, template_id, {}))).videos


@attrs.frozen
class Found:
    """
    The result of a search.

    Attributes:
        videos: Every video of the window, newest first, if the search `is_complete`.
        is_complete: Whether it read far enough.
        untimed: The ids of those for which the server sent no time.
        older: Videos on the same pages that are older than the window.
    """

    videos: List[Video]
    is_complete: bool
    untimed: FrozenSet[str] = frozenset()
    older: Sequence[Video] = ()


async def search_videos(session: Session, begin: datetime, template_id: str | None, within: float | None) -> Found:
    """
    Return the videos that were created at or after a moment.

    `from_date` is not used: it is documented as "created after", and whether a video of the same second counts is not.

    Args:
        session: What to send with.
        begin: The earliest `created_at` that counts.
        template_id: Only videos of this template; None for all.
        within: Seconds that one request may take; None for the client's own timeout.

    Raises:
        BlumaError: The list could not be read.
    """
    videos: Dict[str, Video] = {}
    most_requests = MOST_REQUESTS if session.shared.certainty.reads_far else 1
    search = CandidateSearch(begin)
    for _ in range(TRIES):
        search = CandidateSearch(begin, most_requests)
        while search.next_page is not None:
            call = _list_call(search.next_page, template_id, videos)
            search.add(await session.send(call, within=within))
        if search.is_complete:
            break
    found = {video.id: videos[video.id] for video in search.found}
    older = [video for name, video in videos.items() if name not in found]
    untimed = frozenset(video.id for video in search.found if video.created_at is None)
    return Found(list(found.values()), search.is_complete, untimed, older)


def _list_call(page: int, template_id: str | None, videos: Dict[str, Video]) -> Call[VideoListing]:
    """Return the call that reads a page; it also adds the decoded videos of the page to `videos`."""

    def decode(raw: object) -> VideoListing:
        try:
            named = cast("Dict[str, Any]", raw)
            read = [_listed(entry, videos) for entry in named["videos"]]
            counts = cast("Dict[str, Any]", named.get("pagination") or {})
        except (KeyError, AttributeError) as problem:
            raise ValueError(f"no list of videos: {problem}") from None
        return VideoListing(read, _count(counts.get("total")), _count(counts.get("total_pages")))

    return get("/videos", decode, page=page, limit=MAX_PAGE_SIZE, template_id=template_id)


def _listed(entry: Dict[str, Any], videos: Dict[str, Video]) -> ListedVideo:
    video = videos[str(entry["id"])] = VIDEO(entry)
    try:
        created_at = read_datetime(entry.get("created_at"))
    except (ValueError, OverflowError):
        created_at = None  # the model's own `created_at` would be the time of reading
    return ListedVideo(video.id, video.template_id or None, created_at)


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
