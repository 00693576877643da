"""
Wait for videos together with other processes: one of them polls, and each tells the others what it has learned.

Rule 1: the first process for which the stored state of a video, or of the list of active videos, is older than the poll
interval takes the turn and polls. The other processes use the state that it stores. A turn expires, so that the death
of a process need not be detected.
Rule 2: without the database, each process polls for itself.
Rule 3: the state of a video that has ended is used only for a minute: its links expire.
"""

from __future__ import annotations

import json
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, AsyncGenerator, Coroutine, Dict, Mapping, Sequence

import attrs

from bluma_async._runtime.log import logger
from bluma_async._wire.events import read_event
from bluma_async.errors import BlumaError
from bluma_async.resources._videos.calls import VIDEO, fill_charge
from bluma_async.resources._videos.source import VideoSource
from bluma_async.types import Video, VideoEvent, VideoStatus

if TYPE_CHECKING:
    from bluma_async.sharing.coordinator import AccountCoordinator
    from bluma_async.sharing.video_news import VideoNews
    from bluma_async.stores.news import PollTurn
    from bluma_async.waiting.hub import PollHub

__all__ = ["SharedVideoSource", "publish_event", "watch_shared", "watching_shared"]

FRESH = 0.9  # of an interval; for so long a state that was read serves all processes
USABLE = 60.0  # seconds for which the state of a video that has ended is used
ALONE = "This process polls for itself alone: %s"
MARGIN = 0.5  # seconds; a wait begins shortly after its video was created, and lists can lag
POLLED = "polled"  # marks a state that was read from the API, and so has every field


async def watch_shared(
    coordinator: AccountCoordinator, hub: PollHub, video_id: str, interval: float, work: Coroutine[Any, Any, Video]
) -> Video:
    """Await a wait, and end it early when another process learns that its video has ended."""
    try:
        async with watching_shared(coordinator, hub, video_id, interval):
            return await work
    finally:
        work.close()  # it has not begun if the others' news cannot be watched


@asynccontextmanager
async def watching_shared(
    coordinator: AccountCoordinator, hub: PollHub, video_id: str, interval: float
) -> AsyncGenerator[None, None]:
    """Within the block, tell the hub what other processes learn about a video."""

    def learn(body: str) -> None:
        with suppress(ValueError, TypeError, RecursionError):  # a state of another version: the video is polled
            hub.learn(video_id, read_event(body.encode()))

    news = await (await coordinator.participant()).video_news()
    async with news.watching(video_id, interval, learn):
        yield


def publish_event(coordinator: AccountCoordinator, event: VideoEvent) -> None:
    """Tell other processes about the event of a webhook. May be called from any thread; failures are logged."""
    status = event.data.get("status") or str(event.type).partition(".")[2]
    coordinator.publish(event.data.id, json.dumps(event), is_final=VideoStatus(status).is_final)


@attrs.frozen
class SharedVideoSource(VideoSource):
    """The videos of an account that several processes poll together."""

    coordinator: AccountCoordinator

    async def poll(self, job_ids: Sequence[str], within: float) -> Mapping[str, Video | None]:
        """Return the state of one video, as this or another process has read it within the interval."""
        [job_id] = job_ids
        news = await self._find_news()
        try:
            turn = await news.news.begin_poll(job_id, FRESH * news.find_interval(job_id))
        except BlumaError as problem:
            logger.info(ALONE, problem)
            return await VideoSource.poll(self, job_ids, within)
        if not turn.is_mine:
            known = self._read_state(turn)
            is_usable = known is None or not known.status.is_final or (turn.age < USABLE and _is_polled(turn))
            return {job_id: known} if is_usable else await VideoSource.poll(self, job_ids, within)
        return await self._poll_for_all(news, job_id, within)

    async def _poll_for_all(self, news: VideoNews, job_id: str, within: float) -> Mapping[str, Video | None]:
        found: Mapping[str, Video | None] = {}
        try:
            found = await VideoSource.poll(self, [job_id], within)
        finally:
            state = found.get(job_id)
            with suppress(BlumaError):  # this process has its state
                if state is None:
                    await news.news.give_up(video_id=job_id)
                else:
                    is_final = self.is_final(state)
                    await news.news.publish(job_id, _write_state(state), is_final=is_final, tells=is_final)
        return found

    async def list_active(self, most_pages: int, within: float) -> tuple[Dict[str, Video], int] | None:
        """Return all active videos, as this or another process has read them within the interval."""
        news, name = await self._find_news(), self.coordinator.fingerprint
        try:
            turn = await news.news.begin_list(name, FRESH * news.find_interval())
        except BlumaError as problem:
            logger.info(ALONE, problem)
            return await VideoSource.list_active(self, most_pages, within)
        if turn.is_mine:
            return await self._list_for_all(news, name, most_pages, within)
        active = {video.id: video for video in map(VIDEO, json.loads(turn.body or "[]"))}
        # A video whose wait is younger than the list may be missing in it because it did not exist yet.
        for video_id in news.list_joined(turn.age + MARGIN):
            active.setdefault(video_id, Video(id=video_id, status=VideoStatus.QUEUED))
        return active, 0

    async def _list_for_all(
        self, news: VideoNews, name: str, most_pages: int, within: float
    ) -> tuple[Dict[str, Video], int] | None:
        found, clock = None, self.session.shared.clock
        began = clock.now()
        try:
            found = await VideoSource.list_active(self, most_pages, within)
        finally:
            with suppress(BlumaError):
                if found is None:
                    await news.news.give_up(name=name)
                else:
                    body = json.dumps([video.to_dict() for video in found[0].values()])
                    await news.news.write_list(name, body, clock.now() - began)
        return found

    def _read_state(self, turn: PollTurn) -> Video | None:
        """Return a recorded state as a video; None if there is none that this version can read."""
        try:
            raw = json.loads(turn.body or "{}")
            fields = raw["data"]
            fields.setdefault("status", str(raw["type"]).partition(".")[2])
            return fill_charge(VIDEO(fields), {}, self.session.evidence)  # another process has not filled it
        except (ValueError, TypeError, LookupError, AttributeError):
            return None

    async def _find_news(self) -> VideoNews:
        return await (await self.coordinator.participant()).video_news()


def _write_state(state: Video) -> str:
    return json.dumps({"id": POLLED, "type": f"video.{state.status}", "data": state.to_dict(), POLLED: True})


def _is_polled(turn: PollTurn) -> bool:
    return f'"{POLLED}": true' in (turn.body or "")
