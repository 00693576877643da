"""
Who wants to hear of which event, and the telling, in the background.

Rule 1: one handler that fails keeps no other from being called; it is logged, and `on_error` hears of it.
Rule 2: for callers who block, plain handlers run in threads; in an async program they run in its loop.
"""

from __future__ import annotations

import asyncio
import contextvars
import inspect
from typing import TYPE_CHECKING, Any, Callable, Coroutine, List, Tuple, TypeVar

from bluma_async._runtime.callbacks import caller
from bluma_async._runtime.log import logger
from bluma_async._runtime.threads import in_thread

if TYPE_CHECKING:
    from bluma_async.types import WebhookEvent

__all__ = ["Handler", "Handlers"]

T = TypeVar("T")
Handler = Callable[..., Any]


class Handlers:
    """The handlers of one receiver, and those of them that are at work."""

    def __init__(self, on_error: Handler | None) -> None:
        self._on_error = on_error
        self._wanted: List[Tuple[str, Handler]] = []
        self._tasks: set[asyncio.Task[Any]] = set()

    def add(self, event_type: str, handler: Handler) -> None:
        """Call a handler for events of a type, of a family such as `video.*`, or for all (`*`)."""
        self._wanted.append((event_type, handler))

    def start(self, event: WebhookEvent, then: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Begin to call everybody who wants to hear of an event; then do something more."""
        in_threads = caller.get() is not None  # who blocks is not there any more when the handlers run
        context = contextvars.copy_context()
        context.run(caller.set, None)
        context.run(self.keep, self._call_all(event, in_threads, then))

    def keep(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Begin with something that nobody else may hold on to."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def ended(self) -> None:
        """Wait for what is at work in this event loop."""
        here, own = asyncio.get_running_loop(), asyncio.current_task()
        while tasks := [task for task in self._tasks if task.get_loop() is here and task is not own]:
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _call_all(
        self, event: WebhookEvent, in_threads: bool, then: Callable[[], Coroutine[Any, Any, None]]
    ) -> None:
        family = f"{str(event.type).partition('.')[0]}.*"
        for wanted, handler in list(self._wanted):
            if wanted in (str(event.type), family, "*"):
                await self._call(handler, event, in_threads)
        await then()

    async def _call(self, handler: Handler, event: WebhookEvent, in_threads: bool) -> None:
        try:
            await _called(in_threads, handler, event)
        except Exception as error:  # noqa: BLE001 - whatever the user's function raises
            logger.exception("A handler of %s (%s) failed.", event.type, event.id)
            if self._on_error is not None:
                await _quietly(_called(in_threads, self._on_error, event, error))


async def _called(in_threads: bool, function: Handler, *args: Any) -> None:
    is_plain = not inspect.iscoroutinefunction(function)
    outcome = await in_thread(function, *args) if in_threads and is_plain else function(*args)
    if inspect.isawaitable(outcome):
        await outcome


async def _quietly(work: Coroutine[Any, Any, None]) -> None:
    try:
        await work
    except Exception:  # noqa: BLE001 - as above
        logger.exception("on_error failed.")
