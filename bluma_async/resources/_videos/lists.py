"""The lists of videos: one page, or all pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bluma_async._wire.checks import MAX_PAGE_SIZE, require_page
from bluma_async.resources._paging import Fetched, Pages, Place
from bluma_async.resources._videos import parts

if TYPE_CHECKING:
    from datetime import datetime

    from bluma_async._session.session import Session
    from bluma_async.types import KnownStatus, KnownTemplate, Template, Video, VideoPage

__all__ = ["VideoLists"]


class VideoLists:
    """The methods of `videos` that read lists."""

    def __init__(self, session: Session) -> None:
        self._session: Session = session

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
        require_page(page_size)

        async def fetch(place: Place) -> Fetched[Video]:
            call = parts.list_call(
                self._session.evidence, place.pages + 1, page_size, status, template_id, from_date, to_date
            )
            page = await self._session.send(call)
            return Fetched(page.videos, page.pagination.total, page.pagination.total_pages, page.skipped)

        return Pages(fetch, page_size)

    async def list(
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
        return await self._session.send(
            parts.list_call(self._session.evidence, page, limit, status, template_id, from_date, to_date)
        )
