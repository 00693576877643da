# Generated from bluma_async/resources/_video_source.py by `nox -s facade`: change that, not this.
"""Videos as something to wait for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Dict, Hashable, Mapping, Sequence

from bluma_sync._portal import run

if TYPE_CHECKING:
    from bluma_async.errors import WaitTimeoutError
    from bluma_async.resources import _video_source as asynchronous
    from bluma_async.types import Video, VideoEvent
    from bluma_async.waiting.pace import Pace

__all__ = ["VideoSource"]


class VideoSource:
    """The videos of one account."""

    def __init__(self, twin: asynchronous.VideoSource) -> None:
        self._async = twin

    @property
    def group(self) -> Hashable:
        """The account: whose key it is, and where."""
        return self._async.group

    @property
    def at_once(self) -> int:
        """How many videos one look can read."""
        return self._async.at_once

    def look(self, job_ids: Sequence[str], within: float) -> Mapping[str, Video]:
        """Read one video."""
        return run(self._async.look(job_ids, within))

    def list_active(self, most_pages: int, within: float) -> tuple[Dict[str, Video], int] | None:
        """Read all that are queued or processing, by pages."""
        return run(self._async.list_active(most_pages, within))

    def learned(self, last: Video | None, news: VideoEvent) -> Video | None:
        """Return a video as an event tells of it, over what was seen of it last."""
        return self._async.learned(last, news)

    def is_final(self, state: Video) -> bool:
        """Whether a video is completed, or failed."""
        return self._async.is_final(state)

    def progress(self, state: Video) -> int | None:
        """How far it is; 100 for a completed one, whatever the server says."""
        return self._async.progress(state)

    def timed_out(self, job_id: str, last: Video | None, timeout: float) -> WaitTimeoutError:
        """Say what was seen last."""
        return self._async.timed_out(job_id, last, timeout)

    def pace(self) -> Pace:
        """How fast the key's budget lets one ask."""
        return self._async.pace()
