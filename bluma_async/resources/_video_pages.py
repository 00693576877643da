"""Build the call that reads one page of videos."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bluma_async._wire.call import get
from bluma_async._wire.checks import require_page
from bluma_async._wire.codec import One
from bluma_async._wire.ids import find_id
from bluma_async.types import Template, VideoPage

if TYPE_CHECKING:
    from bluma_async._wire.call import Call

__all__ = ["list_call"]


def list_call(
    page: int, limit: int, status: str | None, template_id: str | Template | None, from_date: Any, to_date: Any
) -> Call[VideoPage]:
    """
    Return the call that reads one page of videos.

    Raises:
        InvalidArgumentError: `page`, `limit` or `template_id` is invalid.
    """
    require_page(limit, page=page)
    return get(
        "/videos",
        One(VideoPage),
        page=page,
        limit=limit,
        status=status,
        template_id=find_id("template_id", template_id, Template),
        from_date=from_date,
        to_date=to_date,
    )
