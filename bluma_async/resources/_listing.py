"""The call that lists videos."""

from __future__ import annotations

from typing import Any

from bluma_async._wire.call import Call, get
from bluma_async._wire.checks import require_page
from bluma_async._wire.codec import One
from bluma_async.types import VideoPage

__all__ = ["list_call"]


def list_call(
    page: int, limit: int, status: str | None, template_id: str | None, from_date: Any, to_date: Any
) -> Call[VideoPage]:
    """
    Return the call that reads one page of videos.

    Raises:
        InvalidArgumentError: `page` or `limit` is invalid.
    """
    require_page(limit, page=page)
    return get(
        "/videos",
        One(VideoPage),
        page=page,
        limit=limit,
        status=status,
        template_id=template_id,
        from_date=from_date,
        to_date=to_date,
    )
