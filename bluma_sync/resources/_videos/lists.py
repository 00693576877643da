# Generated from bluma_async/resources/_videos/lists.py by `nox -s facade`: change that, not this.
"""The lists of videos: one page, or all pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bluma_async._wire.checks import MAX_PAGE_SIZE
from bluma_sync._portal import run
from bluma_sync.resources._paging import Pages

if TYPE_CHECKING:
    from datetime import datetime

    from bluma_async.resources._videos import lists as asynchronous
    from bluma_async.types import KnownStatus, KnownTemplate, Template, Video, VideoPage

__all__ = ["VideoLists"]


class VideoLists:
    """The methods of `videos` that read lists."""

    def __init__(self, twin: asynchronous.VideoLists) -> None:
        self._async = twin

    def iterate(
        self,
        *,
        status: KnownStatus | str | None = None,
        template_id: KnownTemplate | str | Template | None = None,
        from_date: datetime | str | None = None,
        to_date: datetime | str | None = None,
        page_size: int = MAX_PAGE_SIZE,
    ) -> Pages[Video]:
        """
        Iterate over all videos that match, newest first. Pages are requested as they are needed.

        Args:
            status: Only videos with this status.
            template_id: Only videos of this template; the template or its id.
            from_date: Only videos created after this; a datetime without an offset is in local time.
            to_date: Only videos created before this.
            page_size: The number of videos in one request, 1 to 100.

        Raises:
            InvalidArgumentError: `page_size` is invalid. Nothing was sent.
        """
        return Pages(
            self._async.iterate(
                status=status, template_id=template_id, from_date=from_date, to_date=to_date, page_size=page_size
            )
        )

    def list(
        self,
        *,
        page: int = 1,
        limit: int = 20,
        status: KnownStatus | str | None = None,
        template_id: KnownTemplate | str | Template | None = None,
        from_date: datetime | str | None = None,
        to_date: datetime | str | None = None,
    ) -> VideoPage:
        """
        Return one page of videos, newest first. Listed videos carry no progress; `get` one to see it.

        Args:
            page: The number of the page, from 1.
            limit: The number of videos on a page, 1 to 100.
            status: Only videos with this status.
            template_id: Only videos of this template; the template or its id.
            from_date: Only videos created after this; a datetime without an offset is in local time.
            to_date: Only videos created before this.

        Raises:
            InvalidArgumentError: `page` or `limit` is invalid. Nothing was sent.
        """
        return run(
            self._async.list(
                page=page, limit=limit, status=status, template_id=template_id, from_date=from_date, to_date=to_date
            )
        )
