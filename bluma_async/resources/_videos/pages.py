"""Build the calls that read one page of videos, and the link to the file of one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bluma_async._wire.call import get, path
from bluma_async._wire.checks import require_id, require_page
from bluma_async._wire.codec import One
from bluma_async._wire.ids import find_id
from bluma_async.resources._videos.calls import fill_charge
from bluma_async.types import Template, Video, VideoDownload, VideoPage

if TYPE_CHECKING:
    from bluma_async._session.evidence import CreateEvidence
    from bluma_async._wire.call import Call

__all__ = ["download_call", "list_call"]

PAGE = One(VideoPage)


def download_call(video_id: str | Video) -> Call[VideoDownload]:
    """
    Return the call that signs a link to the file of a video.

    Raises:
        InvalidArgumentError: The id is invalid.
    """
    return get(path("/videos", require_id("video_id", video_id, Video), "download"), One(VideoDownload))


def list_call(
    evidence: CreateEvidence,
    page: int,
    limit: int,
    status: str | None,
    template_id: str | Template | None,
    from_date: Any,
    to_date: Any,
) -> Call[VideoPage]:
    """
    Return the call that reads one page of videos; `evidence` knows the prices of those that this process has created.

    Raises:
        InvalidArgumentError: `page`, `limit` or `template_id` is invalid.
    """
    require_page(limit, page=page)

    def decode(raw: object) -> VideoPage:
        found = PAGE(raw)
        for video in found:
            fill_charge(video, None, evidence)
        return found

    return get(
        "/videos",
        decode,
        page=page,
        limit=limit,
        status=status,
        template_id=find_id("template_id", template_id, Template),
        from_date=from_date,
        to_date=to_date,
    )
