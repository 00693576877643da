"""
Events by polling: compare the videos with those of the last poll, and make an event for each change of a status.

Rule 1: a video that was there before the first poll makes an event only when its status changes.
Rule 2: an event has the same id however often it is made, so that a handler can leave out what it had.
Rule 3: a status counts as known after its event was made. A poll that fails loses no event: the next one makes it.
Rule 4: polls are further apart where the key's hourly budget would not last.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Dict, Iterable, List, Sequence, Tuple

from bluma_async._wire.aliases import UNREADABLE_STATUS
from bluma_async.cli.event_making import EventRecord, describe_video, post_event, sign_event
from bluma_async.cli.output import say_aside
from bluma_async.errors import APIError, BlumaError, NotFoundError

if TYPE_CHECKING:
    from datetime import datetime

    from bluma_async.cli.printing import Printer
    from bluma_async.client import AsyncBluma
    from bluma_async.types import Video, VideoPage

__all__ = ["EventPoller", "StatusChanges", "poll_events"]

PAGES = 10  # at most in one poll; older videos that are unfinished are not seen any more
PAGE = 100
SHARE = 2.0  # half of the requests that are left are for other programs


class StatusChanges:
    """Remembers the status of each video, and finds those that have changed."""

    def __init__(self) -> None:
        self._known: Dict[str, str] = {}
        self._begin: datetime | None = None  # older videos were not read before the first poll; they are not news

    def __contains__(self, video_id: str) -> bool:
        return video_id in self._known

    @property
    def unfinished(self) -> List[str]:
        """The ids of the videos that have not ended."""
        return [video_id for video_id, status in self._known.items() if status not in {"completed", "failed"}]

    def begin(self, videos: Sequence[Video], *, is_whole: bool) -> None:
        """Note the videos of the first poll: the whole list, or its newest part."""
        self._begin = None if is_whole else min(video.created_at for video in videos)
        for video in videos:
            self.remember(video)

    def find(self, videos: Iterable[Video]) -> List[Video]:
        """Return the videos that are new or have another status, oldest first."""
        seen = {video.id: video for video in videos}
        changed = [video for video in seen.values() if self._is_news(video)]
        return sorted(changed, key=lambda video: video.created_at)

    def _is_news(self, video: Video) -> bool:
        if str(video.status) == UNREADABLE_STATUS:
            return False  # a later poll may read it
        if video.id in self._known:
            return self._known[video.id] != str(video.status)
        return self._begin is None or video.created_at > self._begin

    def remember(self, video: Video) -> None:
        """Note the status of a video."""
        self._known[video.id] = str(video.status)

    def forget(self, video_id: str) -> None:
        """Forget a video that was deleted."""
        self._known.pop(video_id, None)


async def poll_events(
    client: AsyncBluma, printer: Printer, *, interval: float, secret: str, forward: str | None
) -> None:
    """
    Print, and forward, an event for each change of a video. Never returns.

    Raises:
        BlumaError: The key is refused. Transient failures are printed, and the next poll follows.
    """
    poller = EventPoller(client, printer, secret=secret, forward=forward)
    while True:
        try:
            await poller.poll()
        except BlumaError as error:
            if isinstance(error, APIError) and error.status in {400, 401, 403, 404}:
                raise
            say_aside(f"The poll failed, and is tried again: {error}")
        limit = client.rate_limit
        await asyncio.sleep(max(interval, SHARE * limit.interval() if limit else 0.0))


class EventPoller:
    """
    Makes the events of the changes between two polls.

    Args:
        client: Reads the videos.
        printer: Prints a record for each event.
        secret: Signs the events.
        forward: The URL that they are posted to; None for none.
    """

    def __init__(self, client: AsyncBluma, printer: Printer, *, secret: str, forward: str | None) -> None:
        self._client = client
        self._printer = printer
        self._secret = secret
        self._forward = forward
        self._changes = StatusChanges()
        self._is_first = True

    async def poll(self) -> None:
        """
        Read the videos, and print and forward an event for each change. The first poll makes none.

        Raises:
            BlumaError: A request has failed. Changes without an event are found again by the next poll.
        """
        videos, is_whole = await self._read()
        if self._is_first:
            self._changes.begin(videos, is_whole=is_whole)
        self._is_first = False
        for video in self._changes.find(videos):
            await self._report(video)

    async def _read(self) -> Tuple[List[Video], bool]:
        """
        Return the newest videos: those since the last poll, and older ones as far as unfinished ones are there.

        The second value tells whether these are all videos of the account.
        """
        found: List[Video] = []
        missing, is_joined = set(self._changes.unfinished), self._is_first
        for number in range(1, PAGES + 1):
            page = await self._client.videos.list(page=number, limit=PAGE)
            found.extend(page)
            missing.difference_update(video.id for video in page)
            is_joined = is_joined or any(video.id in self._changes for video in page)
            if _is_last(page, number):
                for video_id in missing if not page.skipped else ():  # a row without an id may be one of them
                    self._changes.forget(video_id)
                return found, True
            if is_joined and not missing and (len(found) >= PAGE or not self._is_first):
                return found, False
        if not is_joined:
            say_aside(f"More than {len(found)} videos were created since the last poll: older ones get no event.")
        return found, False

    async def _report(self, video: Video) -> None:
        """Make the event of a video, forward it, and print it; for one that is gone, that it was deleted."""
        event = describe_video(video, "deleted")
        try:
            # A list leaves out error and size.
            full = await self._client.videos.get(video.id) if video.status.is_final else video
            event = describe_video(full)
        except NotFoundError:
            full = video
        outcome = await post_event(self._forward, sign_event(event, self._secret)) if self._forward else {}
        self._printer.show_all([EventRecord.of(event, **outcome)])
        self._changes.remember(full)


def _is_last(page: VideoPage, number: int) -> bool:
    """Return whether a page is the end of the list. A server may send smaller pages than it is asked for."""
    rows, pages = len(page) + page.skipped, page.pagination.total_pages
    return rows == 0 or (rows < PAGE and number >= pages)
