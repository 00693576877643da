"""
Run the handlers of events in the background.

Rule 1: a handler that fails does not prevent the other handlers from running; the error is logged and passed to
`on_error`.
Rule 2: async handlers run in the event loop, plain ones in threads of the receiver's own. Neither delays the replies to
other requests, and slow handlers leave the threads of files and stores alone.
Rule 3: a limited number of events is handled at a time; the others wait.
"""

from __future__ import annotations

import asyncio
import contextvars
import inspect
from typing import TYPE_CHECKING, Any, Callable, Coroutine, List, Tuple

from bluma_async._runtime.callbacks import caller
from bluma_async._runtime.log import logger
from bluma_async._runtime.loop_local import LoopLocal
from bluma_async._runtime.threads import Threads
from bluma_async.webhooks.background import Background

if TYPE_CHECKING:
    from bluma_async.types import WebhookEvent

__all__ = ["Handler", "Handlers"]

Handler = Callable[..., Any]


class Handlers:
    """The handlers of one receiver, and their running tasks."""

    def __init__(self, on_error: Handler | None, concurrency: int) -> None:
        self._on_error = on_error
        self._registered: List[Tuple[str, Handler]] = []
        self._background = Background()
        self._threads = Threads(concurrency)
        self._places: LoopLocal[asyncio.Semaphore] = LoopLocal(lambda: asyncio.Semaphore(concurrency))

    def add(self, event_type: str, handler: Handler) -> None:
        """Register a handler for one type, for a family such as `video.*`, or for all events (`*`)."""
        self._registered.append((event_type, handler))

    def dispatch(self, event: WebhookEvent, then: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """
        Start a task that runs the handlers of an event, then awaits `then`.

        A blocking caller does not wait for the handlers, so they cannot run in its thread as other callbacks do: their
        context has no `caller`.
        """
        context = contextvars.copy_context()
        context.run(caller.set, None)
        context.run(self._background.start, self._run_all(event, then))

    async def wait_all(self) -> None:
        """Wait until the handlers of this event loop have ended, except for the one that calls this."""
        await self._background.wait()

    async def _run_all(self, event: WebhookEvent, then: Callable[[], Coroutine[Any, Any, None]]) -> None:
        family = f"{str(event.type).partition('.')[0]}.*"
        async with self._places.get():
            for event_type, handler in list(self._registered):
                if event_type in (str(event.type), family, "*"):
                    await self._run(handler, event)
        await then()

    async def _run(self, handler: Handler, event: WebhookEvent) -> None:
        error = await self._find_error(handler, event)
        if error is not None:
            logger.error("A handler of %s (%s) failed.", event.type, event.id, exc_info=error)
            if self._on_error is not None:
                failure = await self._find_error(self._on_error, event, error)
                if failure is not None:
                    logger.error("on_error failed.", exc_info=failure)

    async def _find_error(self, function: Handler, *args: Any) -> BaseException | None:
        """
        Call a function of the user, and return what it raised.

        It runs in a task of its own: if something that it awaits is cancelled, it alone is.
        """
        task = asyncio.ensure_future(self._call(function, *args))
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError:
            task.cancel()
            raise
        return asyncio.CancelledError() if task.cancelled() else task.exception()

    async def _call(self, function: Handler, *args: Any) -> None:
        try:
            is_async = inspect.iscoroutinefunction(function)
            result = function(*args) if is_async else await self._threads.run(function, *args)
            if inspect.isawaitable(result):
                await result
        except SystemExit as exiting:  # in a task, it would end the event loop
            raise RuntimeError("The handler called exit().") from exiting
