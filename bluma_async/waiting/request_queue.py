"""Run the poller's requests: a limited number at once, the others in turn."""

from __future__ import annotations

import asyncio
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Any, Callable, Coroutine, Deque, Set

import attrs

if TYPE_CHECKING:
    from bluma_async.waiting.alarm import Alarm

__all__ = ["Request", "RequestQueue"]

PLACES = 16  # requests in flight
PLACE_TIME = 2.0  # seconds after which a request gives its place to the next one; a hook in it can hang


@attrs.define(eq=False)
class Request:
    """
    One request of the poller.

    Attributes:
        work: Sends it and notes its outcome. It never runs if its task is cancelled before its first step.
        on_end: Called after it, however it has ended.
    """

    work: Coroutine[Any, Any, None]
    on_end: Callable[[], None]


@attrs.define(eq=False)
class _Place:
    """The place of one request; it is released once."""

    queue: RequestQueue
    timer: asyncio.TimerHandle | None = None

    def release(self) -> None:
        """Give the place to the next request."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None
            self.queue.free_place()


class RequestQueue:
    """The requests in flight, and those that wait for a place. It belongs to one event loop."""

    def __init__(self, alarm: Alarm, on_error: Callable[[BaseException], None]) -> None:
        """
        Set up an empty queue.

        Args:
            alarm: Rings after a request has ended, when none waits for a place.
            on_error: Called with the exception of a request: nothing awaits it.
        """
        self._loop = asyncio.get_running_loop()
        self._alarm = alarm
        self._on_error = on_error
        self._waiting: Deque[Callable[[], Request | None]] = deque()
        self._running: Set[asyncio.Task[None]] = set()
        self._free = PLACES

    @property
    def is_idle(self) -> bool:
        """Whether no request is in flight."""
        return not self._running

    def start(self, request: Request | None, place: _Place | None = None) -> None:
        """Start a request at once, without a place of the queue; None is no request."""
        if request is not None:
            task = self._loop.create_task(request.work)
            self._running.add(task)
            task.add_done_callback(partial(self._end, request, place))

    def add(self, begin: Callable[[], Request | None]) -> None:
        """Start a request as soon as there is a place: `begin` makes it then, or returns None if it is not needed."""
        self._waiting.append(begin)
        self._fill()

    def free_place(self) -> None:
        """Give a place to the next request."""
        self._free += 1
        self._fill()

    def _fill(self) -> None:
        while self._waiting and self._free:
            request = self._waiting.popleft()()
            if request is not None:
                self._free -= 1
                place = _Place(self)
                place.timer = self._loop.call_later(PLACE_TIME, place.release)
                self.start(request, place)

    def _end(self, request: Request, place: _Place | None, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        request.on_end()
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._on_error(error)
        if place is not None:
            place.release()
        if not self._waiting:
            self._alarm.ring()
