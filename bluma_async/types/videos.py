"""Videos, and the pages they come in."""

from datetime import datetime
from typing import Iterator, List, Optional

import attrs

from bluma_async.types._model import AttrDict, Model, OpenEnum, model, utc_now, without_query


class VideoStatus(OpenEnum):
    """Where a video is in its life. A status the SDK has never heard of is kept, and counts as not final."""

    QUEUED = "queued"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"

    @property
    def is_final(self) -> bool:
        """Whether the video will not change any more."""
        return self in (VideoStatus.COMPLETED, VideoStatus.FAILED)


@model
class Video(Model):
    """
    A video, made or in the making.

    `duration` is in seconds, `progress` in percent (0 to 100), `credits_charged` is what the create billed.
    `url` is a plain link, there once the video is completed. `error` holds `type` and `detail` of a failed one.
    `created_at` falls back to the time of reading for a server that leaves it out.
    """

    id: str
    status: VideoStatus
    template_id: str = ""
    variant_id: Optional[str] = None
    progress: Optional[int] = None
    url: Optional[str] = None
    thumbnail_url: Optional[str] = None
    duration: Optional[int] = None
    size_bytes: Optional[int] = None
    credits_charged: int = 0
    created_at: datetime = attrs.field(factory=utc_now)
    completed_at: Optional[datetime] = None
    estimated_completion: Optional[datetime] = None
    status_url: Optional[str] = None
    error: Optional[AttrDict] = None


@model
class Pagination(Model):
    """Which page this is; `total` counts the items of all pages."""

    page: int = 1
    limit: int = 20
    total: int = 0
    total_pages: int = 0


@model
class VideoPage(Model):
    """One page of videos, newest first. It can be looped over."""

    videos: List[Video] = attrs.field(factory=lambda: [])
    pagination: Pagination = attrs.field(factory=Pagination)

    def __iter__(self) -> Iterator[Video]:
        return iter(self.videos)

    def __len__(self) -> int:
        return len(self.videos)


@model
class VideoDownload(Model):
    """A signed link to a finished video. It needs no key, so treat it as a secret; it works for one hour."""

    download_url: str = attrs.field(repr=without_query)
    expires_at: Optional[datetime] = None
