"""
Events by polling: compare the videos with those of the last look, and make an event for each change of a status.

Rule 1: what was there before the first poll is no news.
Rule 2: an event has the same id however often it is made, so that a handler can leave out what it had.
Rule 3: polls are further apart where the key's hourly budget would not last.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Dict, Iterable, List

from bluma_async.cli.event_making import EventRecord, describe_video, post_event, sign_event
from bluma_async.cli.output import say_aside
from bluma_async.errors import APIError, BlumaError

if TYPE_CHECKING:
    from bluma_async.cli.printing import Printer
    from bluma_async.client import AsyncBluma
    from bluma_async.types import Video

__all__ = ["StatusChanges", "poll_events"]

PAGES = 5  # at most; older videos that are unfinished are not seen any more
PAGE = 100
SHARE = 2.0  # half of the requests that are left are for other programs


class StatusChanges:
    """Remembers the status of each video, and finds those that have changed."""

    def __init__(self) -> None:
        self._known: Dict[str, str] | None = None

    @property
    def unfinished(self) -> List[str]:
        """The ids of the videos that have not ended."""
        known = self._known or {}
        return [video_id for video_id, status in known.items() if status not in {"completed", "failed"}]

    def update(self, videos: Iterable[Video]) -> List[Video]:
        """Return the videos that are new or have another status, oldest first; none at the first time."""
        seen = {video.id: video for video in videos}
        known, self._known = self._known, {**(self._known or {}), **{key: str(seen[key].status) for key in seen}}
        if known is None:
            return []
        changed = [video for video in seen.values() if known.get(video.id) != str(video.status)]
        return sorted(changed, key=lambda video: video.created_at)


async def poll_events(
    client: AsyncBluma, printer: Printer, *, interval: float, secret: str, forward: str | None
) -> None:
    """
    Print, and forward, an event for each change of a video. Never returns.

    Raises:
        BlumaError: The key is refused. Failures that may pass are printed, and the next poll follows.
    """
    changes = StatusChanges()
    while True:
        try:
            for video in changes.update(await _read(client, changes.unfinished)):
                await _report(client, video, printer, secret, forward)
        except BlumaError as error:
            if isinstance(error, APIError) and error.status in {400, 401, 403, 404}:
                raise
            say_aside(f"The poll failed, and is tried again: {error}")
        limit = client.rate_limit
        await asyncio.sleep(max(interval, SHARE * limit.interval() if limit else 0.0))


async def _read(client: AsyncBluma, wanted: List[str]) -> List[Video]:
    """Return the newest videos, and older ones as far as the wanted ones are among them."""
    found: List[Video] = []
    missing = set(wanted)
    for number in range(1, PAGES + 1):
        page = await client.videos.list(page=number, limit=PAGE)
        found.extend(page.videos)
        missing.difference_update(video.id for video in page.videos)
        if not missing or len(page.videos) < PAGE:
            break
    return found


async def _report(client: AsyncBluma, video: Video, printer: Printer, secret: str, forward: str | None) -> None:
    """Make the event of a video, forward it, and print it."""
    full = await client.videos.get(video.id) if video.status.is_final else video  # a list leaves out error and size
    event = describe_video(full)
    outcome = await post_event(forward, sign_event(event, secret)) if forward else {}
    printer.show_all([EventRecord.of(event, **outcome)])
