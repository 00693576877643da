"""The videos that an event loop waits for, and what other processes learn about them."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, AsyncGenerator, Callable, Dict, List

import attrs

from bluma_async._runtime.log import logger
from bluma_async.errors import BlumaError

if TYPE_CHECKING:
    from bluma_async._runtime.clock import Clock
    from bluma_async.sharing.listener import Listener
    from bluma_async.stores.news import News

__all__ = ["VideoNews"]

Learn = Callable[[str], None]


@attrs.frozen(eq=False)
class _Watch:
    """One wait: what to call with a recorded state, how often it polls, and when it began."""

    learn: Learn
    interval: float
    began: float


class VideoNews:
    """Reads the recorded states of videos when they change; many at once, because a reconnection changes all."""

    def __init__(self, news: News, listener: Listener, clock: Clock) -> None:
        self.news = news
        self._listener = listener
        self._clock = clock
        self._watches: Dict[str, List[_Watch]] = {}
        self._changed: Dict[str, None] = {}
        self._task: asyncio.Task[None] | None = None

    @contextlib.asynccontextmanager
    async def watching(self, video_id: str, interval: float, learn: Learn) -> AsyncGenerator[None, None]:
        """
        Call a function with each state of a video that another process records.

        Args:
            video_id: The video.
            interval: Seconds between two polls of this wait.
            learn: Called in the event loop, with the recorded body.
        """
        watch = _Watch(learn, interval, self._clock.now())
        self._watches.setdefault(video_id, []).append(watch)
        try:
            async with self._listener.watching(f"video {video_id}", lambda: self._note(video_id)):
                yield
        finally:
            self._watches[video_id].remove(watch)
            if not self._watches[video_id]:
                del self._watches[video_id]

    def find_interval(self, video_id: str | None = None) -> float:
        """Return the shortest interval of the waits for a video, or of all; 0 if nothing waits for it."""
        chosen = self._watches.values() if video_id is None else [self._watches.get(video_id, [])]
        return min((watch.interval for watches in chosen for watch in watches), default=0.0)

    def list_joined(self, within: float) -> List[str]:
        """Return the videos whose waits began within the last seconds."""
        begin = self._clock.now() - within
        return [name for name, watches in self._watches.items() if max(watch.began for watch in watches) >= begin]

    async def close(self) -> None:
        """End reading and listening."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await self._listener.close()

    def _note(self, video_id: str) -> None:
        self._changed[video_id] = None
        if self._task is None or self._task.done():
            self._task = asyncio.ensure_future(self._read())

    async def _read(self) -> None:
        """Read what has changed. If that fails, nothing is lost: polls go on underneath."""
        while self._changed:
            names = list(self._changed)
            self._changed.clear()
            try:
                states = await self.news.read(names)
            except BlumaError as problem:
                logger.info("What other processes know about %d video(s) could not be read: %s", len(names), problem)
                return
            for name, body in states.items():
                for watch in self._watches.get(name, [])[:]:
                    watch.learn(body)
