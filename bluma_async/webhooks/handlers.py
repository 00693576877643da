"""
Run the handlers of events in the background.

Rule 1: a handler that fails does not prevent the other handlers from running; the error is logged and passed to
`on_error`.
Rule 2: plain handlers run in worker threads if the receiver is used by blocking code, and in the event loop if it is
used by an async program.
"""

from __future__ import annotations

import asyncio
import contextvars
import inspect
from typing import TYPE_CHECKING, Any, Callable, Coroutine, List, Tuple, TypeVar

from bluma_async._runtime.callbacks import caller
from bluma_async._runtime.log import logger
from bluma_async._runtime.threads import in_users_thread

if TYPE_CHECKING:
    from bluma_async.types import WebhookEvent

__all__ = ["Handler", "Handlers"]

T = TypeVar("T")
Handler = Callable[..., Any]


class Handlers:
    """The handlers of one receiver, and their running tasks."""

    def __init__(self, on_error: Handler | None) -> None:
        self._on_error = on_error
        self._registered: List[Tuple[str, Handler]] = []
        self._tasks: set[asyncio.Task[Any]] = set()

    def add(self, event_type: str, handler: Handler) -> None:
        """Register a handler for one type, for a family such as `video.*`, or for all events (`*`)."""
        self._registered.append((event_type, handler))

    def dispatch(self, event: WebhookEvent, then: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """
        Start a task that runs the handlers of an event, then awaits `then`.

        A blocking caller does not wait for the handlers, so they cannot run in its thread as other callbacks do: plain
        handlers get worker threads, and `caller` is unset for all of them.
        """
        use_threads = caller.get() is not None
        context = contextvars.copy_context()
        context.run(caller.set, None)
        context.run(self.start_task, self._run_all(event, use_threads, then))

    def start_task(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Start a task and keep a reference to it: the event loop keeps none, so it could be garbage-collected."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def wait_all(self) -> None:
        """
        Wait until all tasks of this event loop have ended, including those that they start meanwhile.

        The current task is skipped: a handler that closes its own receiver would otherwise wait for itself.
        """
        loop, current = asyncio.get_running_loop(), asyncio.current_task()
        while tasks := [task for task in self._tasks if task.get_loop() is loop and task is not current]:
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _run_all(
        self, event: WebhookEvent, use_threads: bool, then: Callable[[], Coroutine[Any, Any, None]]
    ) -> None:
        family = f"{str(event.type).partition('.')[0]}.*"
        for event_type, handler in list(self._registered):
            if event_type in (str(event.type), family, "*"):
                await self._run(handler, event, use_threads)
        await then()

    async def _run(self, handler: Handler, event: WebhookEvent, use_threads: bool) -> None:
        try:
            await _call(use_threads, handler, event)
        except Exception as error:  # noqa: BLE001 - a user's handler can raise anything
            logger.exception("A handler of %s (%s) failed.", event.type, event.id)
            if self._on_error is not None:
                await _log_failure(_call(use_threads, self._on_error, event, error))


async def _call(use_threads: bool, function: Handler, *args: Any) -> None:
    is_plain = not inspect.iscoroutinefunction(function)
    result = await in_users_thread(function, *args) if use_threads and is_plain else function(*args)
    if inspect.isawaitable(result):
        await result


async def _log_failure(work: Coroutine[Any, Any, None]) -> None:
    try:
        await work
    except Exception:  # noqa: BLE001 - a user's on_error can raise anything
        logger.exception("on_error failed.")
