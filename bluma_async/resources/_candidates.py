"""Search for the videos that a create without an answer may have become; single creates and batches use this search."""

from __future__ import annotations

from typing import TYPE_CHECKING, AsyncIterator, Callable, Sequence

from bluma_async._wire.call import get
from bluma_async._wire.checks import MAX_PAGE_SIZE
from bluma_async._wire.codec import One
from bluma_async.resources._paging import Pages
from bluma_async.types import Video, VideoPage

if TYPE_CHECKING:
    from datetime import datetime

    from bluma_async._session.session import Session

__all__ = ["created_since"]


async def created_since(
    session: Session,
    began: Callable[[], datetime | None],
    *,
    template_id: str | None,
    within: float | None = None,
) -> AsyncIterator[Video]:
    """
    Yield the videos that were created since a moment, newest first.

    Args:
        session: The session to send with.
        began: Returns the moment by the server's clock, or None while that is unknown. It is called again for each
            video, because the first page can be the first answer that has a Date header.
        template_id: Only videos of this template; None for all.
        within: Seconds that one request may take; None for the client's own timeout.
    """
    since = _whole_second(began())

    async def fetch(index: int) -> Sequence[Video]:
        call = get(
            "/videos", One(VideoPage), page=index + 1, limit=MAX_PAGE_SIZE, template_id=template_id, from_date=since
        )
        return (await session.send(call, within=within)).videos

    async for video in Pages(fetch, MAX_PAGE_SIZE):
        begin = _whole_second(began())
        if begin is not None and video.created_at < begin:
            return
        yield video


def _whole_second(moment: datetime | None) -> datetime | None:
    """Return the moment in whole seconds, as `created_at` has them."""
    return moment.replace(microsecond=0) if moment else None
