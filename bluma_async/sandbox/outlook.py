"""
The changes that a sandbox makes by itself, and the seconds until each. Only a test that skips time reads them.

Videos of strangers are left out: no program waits for them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Awaitable, Callable, Dict, Iterable, Iterator, Optional, Tuple

from bluma_async.sandbox.videos import DUE, FAILS, QUEUED

if TYPE_CHECKING:
    from bluma_async.sandbox.clock import Clock
    from bluma_async.sandbox.events import Events
    from bluma_async.sandbox.luma.jobs import Jobs
    from bluma_async.sandbox.tables import Row, Table
    from bluma_async.sandbox.videos import Videos

__all__ = ["Outlook"]

ReadListener = Callable[[str, float], None]


class Outlook:
    """
    The next changes of a sandbox's state.

    Attributes:
        on_read: Called before a read of unfinished videos is answered, with the read, and with the seconds until the
            next change of one of them. It may move the time; the answer shows the change.
        callback_fields: The field of a create that has the URL of its callback, by the provider.
    """

    def __init__(
        self,
        clock: Clock,
        webhooks: Table,
        events: Events,
        videos: Videos,
        jobs: Jobs,
        settle_renders: Callable[[], Awaitable[None]],
    ) -> None:
        self._clock = clock
        self._webhooks = webhooks
        self._events = events
        self._videos = videos
        self._jobs = jobs
        self._settle_renders = settle_renders
        self.callback_fields: Dict[str, str] = {}
        self.on_read: Optional[ReadListener] = None

    async def note_read(self, read: str, rows: Iterable[Row]) -> None:
        """Tell the listener that a client reads videos or generations, if some of these will change."""
        if self.on_read is None:
            return
        change = self._earliest(moment for row in rows for _, moment in list_changes(row))
        if change is not None:
            self.on_read(read, change)
            await self._settle_renders()

    async def note_list(self, query: str) -> None:
        """The same for a list of videos, which shows, or leaves out, those that will change."""
        if self.on_read is not None:
            await self.note_read(f"list {query}", self._videos.oldest_commit_first())

    def find_delivery(self) -> float | None:
        """Return the seconds until an event or a callback is delivered; None if nobody waits for one."""
        return self._earliest(self._list_deliveries())

    def _earliest(self, moments: Iterable[float]) -> float | None:
        now = self._clock.time()
        return min((moment - now for moment in moments if moment > now), default=None)

    def _list_deliveries(self) -> Iterator[float]:
        subscribed = {event for row in self._webhooks if row["is_active"] for event in row["events"]}
        for row in self._videos.oldest_commit_first():
            for event, moment in list_changes(row):
                if row["webhook_url"] or event in subscribed:
                    yield moment
        yield from self._events.list_retries()
        for row in self._jobs.all():
            if row["payload"].get(self.callback_fields.get(row["provider"], "")):
                yield from (moment for event, moment in list_changes(row) if event != "video.processing")
                yield row.get("callback_at") or 0.0


def list_changes(row: Row) -> Iterator[Tuple[str, float]]:
    """Return the changes of an unfinished video or generation: the event that reports it, and its moment."""
    if row["completed"] is None and not row.get("stranger"):
        yield "video.processing", row["created"] + QUEUED
        if row["fails"]:
            yield "video.failed", row["created"] + FAILS
        else:
            yield "video.completed", row["created"] + DUE
