"""Build the call that reads a video."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bluma_async._wire.call import get, path
from bluma_async._wire.codec import One
from bluma_async.types import Video

if TYPE_CHECKING:
    from bluma_async._wire.call import Call

__all__ = ["VIDEO", "get_call"]

VIDEO = One(Video)


def get_call(video_id: str) -> Call[Video]:
    """
    Return the call that reads a video.

    Raises:
        InvalidArgumentError: The id is invalid.
    """
    return get(path("videos", video_id), VIDEO)
