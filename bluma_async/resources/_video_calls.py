"""Build the calls that read a video and the link to its file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bluma_async._wire.call import get, path
from bluma_async._wire.checks import require_id
from bluma_async._wire.codec import One
from bluma_async.types import Video, VideoDownload

if TYPE_CHECKING:
    from bluma_async._wire.call import Call

__all__ = ["VIDEO", "download_call", "get_call"]

VIDEO = One(Video)


def get_call(video_id: str) -> Call[Video]:
    """
    Return the call that reads a video.

    Raises:
        InvalidArgumentError: The id is invalid.
    """
    return get(path("videos", video_id), VIDEO)


def download_call(video_id: str | Video) -> Call[VideoDownload]:
    """
    Return the call that signs a link to the file of a video.

    Raises:
        InvalidArgumentError: The id is invalid.
    """
    return get(path("videos", require_id("video_id", video_id, Video), "download"), One(VideoDownload))
