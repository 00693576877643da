"""Pages of videos, links to their files, and their probable prices."""

from datetime import datetime
from typing import Iterator, List, Optional

import attrs

from bluma_async.types._model import Model, model, without_query
from bluma_async.types.videos import Video


@model
class Pagination(Model):
    """The position of a page; `total` counts the items of all pages."""

    page: int = 1
    limit: int = 20
    total: int = 0
    total_pages: int = 0


@model
class VideoPage(Model):
    """One page of videos, newest first, as an iterable. `skipped` counts the rows that had no readable id."""

    videos: List[Video] = attrs.field(factory=lambda: [])
    pagination: Pagination = attrs.field(factory=Pagination)
    skipped: int = 0

    def __iter__(self) -> Iterator[Video]:
        return iter(self.videos)

    def __len__(self) -> int:
        return len(self.videos)


@model
class VideoDownload(Model):
    """A signed link to a completed video. It needs no API key, so treat it as a secret. It is valid for one hour."""

    download_url: str = attrs.field(repr=without_query)
    expires_at: Optional[datetime] = None


@model
class VideoEstimate(Model):
    """
    The probable price of a video that was not created.

    Attributes:
        template_id: Its template; None if the variant belongs to no listed template.
        variant_id: The variant that it would be created from.
        resolution: The resolution that was asked for; None for the default one.
        credits: The price in credits; None if the API lists none.
        is_charged: Whether the API has charged this price for such a video; otherwise it is computed from the listed
            price.
        consumes_credits: Whether a create changes the balance; with a test key it does not.
    """

    template_id: Optional[str] = None
    variant_id: Optional[str] = None
    resolution: Optional[str] = None
    credits: Optional[int] = None
    is_charged: bool = False
    consumes_credits: bool = True
