"""
Build the call that reads a video.

Rule: an answer about another video is invalid, as one that cannot be read is. A connection can deliver a stray answer,
and a cache or a mock the wrong one. The caller would take the other video's file, and a wait would end too early.

The documented answer does not name the price: it is that of the create, if this process has sent it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Mapping, cast

from bluma_async._wire.answers import ForeignAnswerError
from bluma_async._wire.call import get, path
from bluma_async._wire.checks import require_id
from bluma_async._wire.codec import One
from bluma_async.types import Video

if TYPE_CHECKING:
    from bluma_async._session.evidence import CreateEvidence
    from bluma_async._wire.call import Call

__all__ = ["VIDEO", "fill_charge", "get_call", "require_video_id"]

VIDEO = One(Video)
CHARGES = ("credits_charged", "credits_consumed")


def get_call(video_id: str, evidence: CreateEvidence) -> Call[Video]:
    """
    Return the call that reads a video.

    Args:
        video_id: The id of the video.
        evidence: The known creates of the account, with their charges.

    Raises:
        InvalidArgumentError: The id is invalid.
    """

    def decode(raw: object) -> Video:
        video = VIDEO(raw)
        if video.id != video_id:
            raise ForeignAnswerError(f"is not about the video {video_id} that was asked for")
        return fill_charge(video, raw, evidence)

    return get(path("/videos", video_id), decode)


def require_video_id(video_id: str | Video) -> str:
    """
    Return the id of a video.

    Raises:
        InvalidArgumentError: It is no text, or cannot be a part of a path.
    """
    job_id = require_id("video_id", video_id, Video)
    path("/videos", job_id)
    return job_id


def fill_charge(video: Video, raw: object, evidence: CreateEvidence) -> Video:
    """Return the state of a video with the charge of its create, if the state names none and the charge is known."""
    charge = 0 if video.credits_charged else evidence.find_charge(video.id)
    if charge:  # of few videos: those that this process has created
        fields: Mapping[str, Any] = cast("Mapping[str, Any]", raw) if isinstance(raw, dict) else {}
        if not any(isinstance(fields.get(name), (int, float)) for name in CHARGES):
            video.credits_charged = charge
    return video
