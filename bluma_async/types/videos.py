"""Videos, and pages of them."""

import copy
from datetime import datetime
from typing import Optional

import attrs

from bluma_async.types._html import build_card, build_player
from bluma_async.types._model import AttrDict, Model, OpenEnum, model, utc_now, without_query


class VideoStatus(OpenEnum):
    """The status of a video. An unknown status is kept, and is not final."""

    QUEUED = "queued"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"

    @property
    def is_final(self) -> bool:
        """Whether the status will not change any more."""
        return self in (VideoStatus.COMPLETED, VideoStatus.FAILED)


class VideoError(AttrDict):
    """The reason why a video failed. A missing field is None as an attribute."""

    __slots__ = ()
    type: Optional[str]
    detail: Optional[str]
    _optional = frozenset(("type", "detail"))


@model
class Video(Model):
    """
    A video, in any status.

    `duration` is in seconds, `progress` in percent (0 to 100). `credits_charged` is the price that the create billed; 0
    if it is not known: the documented answers of later reads have none, so a client adds those of its own creates.
    `url` is a public link, set when the video is completed. `error` says why a video failed.
    If the server sends no valid `created_at`, it is the time at which the answer was decoded. `reused` is True if a
    create has bought nothing, because the option `reuse` is set and its content had this video already.
    Links are shown without their queries, which may be signatures; the fields themselves are whole.
    """

    id: str
    status: VideoStatus
    template_id: str = ""
    variant_id: Optional[str] = None
    progress: Optional[int] = None
    url: Optional[str] = attrs.field(default=None, repr=without_query)
    thumbnail_url: Optional[str] = attrs.field(default=None, repr=without_query)
    duration: Optional[int] = None
    size_bytes: Optional[int] = None
    credits_charged: int = 0
    created_at: datetime = attrs.field(factory=utc_now)
    completed_at: Optional[datetime] = None
    estimated_completion: Optional[datetime] = None
    status_url: Optional[str] = attrs.field(default=None, repr=without_query)
    error: Optional[VideoError] = None
    reused: bool = False

    def to_html(self, *, links: bool = False) -> str:
        """
        Return a table of the state, with a player of a completed video, as notebooks show it.

        Args:
            links: Whether signed links are shown too. Their query gives access to the file, also in a saved notebook.
        """
        return show_video(self, f"Video {self.id}", links=links)

    def _repr_html_(self) -> str:
        return self.to_html()


def mark_reused(video: Video, reused: bool) -> Video:
    """Return a state of a video with the `reused` of its create: a copy, because other waits may have the object."""
    if video.reused == reused:
        return video
    marked = copy.copy(video)
    marked.reused = reused
    return marked


def show_video(video: Video, title: str, *, links: bool) -> str:
    """Return a table of the state of a video under a title, with a player if it is completed, as HTML."""
    progress = None if video.progress is None or video.status.is_final else f"{video.progress} %"
    facts = {
        "status": video.status,
        "progress": progress,
        "template": video.template_id or video.variant_id,
        "credits": "reused: 0" if video.reused else video.credits_charged or None,
        "duration": None if video.duration is None else f"{video.duration} s",
        "error": (video.error.detail or video.error.type) if video.error else None,
    }
    return build_card(title, facts, build_player(video.url, video.thumbnail_url, links=links))
