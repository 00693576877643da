"""Wait for videos and watch them, with the polls that all waits of a client share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, AsyncIterator, Callable, Collection

from bluma_async.resources._sharing import watch, watching

if TYPE_CHECKING:
    from bluma_async.resources._videos.source import VideoSource
    from bluma_async.types import Video
    from bluma_async.waiting.announcer import StatusInfo
    from bluma_async.waiting.hub import PollHub

__all__ = ["wait_for_video", "watch_video"]


async def wait_for_video(
    source: VideoSource,
    hub: PollHub,
    video_id: str | Video,
    poll_interval: float,
    timeout: float,
    on_progress: Callable[[int], Any] | None,
    *,
    on_status: Callable[[StatusInfo], Any] | None,
    final_statuses: Collection[str],
) -> Video:
    """Return a video when it is completed or failed. `Videos.wait_for` describes the arguments and the errors."""
    wanted = source.claim(video_id)
    work = hub.wait(
        source,
        wanted,
        poll_interval=poll_interval,
        timeout=timeout,
        on_progress=on_progress,
        on_status=on_status,
        final_statuses=final_statuses,
    )
    return await source.session.report("wait", wanted, watch(source.session, hub, wanted, poll_interval, work))


async def watch_video(
    source: VideoSource,
    hub: PollHub,
    video_id: str,
    *,
    poll_interval: float,
    timeout: float,
    final_statuses: Collection[str],
) -> AsyncIterator[Video]:
    """Yield the states of a video. `VideoJob.events` describes the arguments and the errors."""
    wanted = source.claim(video_id)
    seen = hub.watch(source, wanted, poll_interval=poll_interval, timeout=timeout, final_statuses=final_statuses)
    states = source.session.report_states(wanted, seen)
    async with watching(source.session, hub, wanted, poll_interval):
        try:
            async for state in states:
                yield state
        finally:
            await states.aclose()
