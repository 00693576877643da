"""
Run coroutines for blocking callers.

Rule 1: only this module, `_messages` and `_thread`, which owns the event loop, know threads.
Rule 2: if the waiting caller is interrupted, by Ctrl-C or by any other exception, its coroutine is cancelled. A result
that comes nevertheless is dropped; if it is a paid job, its id is logged.
Rule 3: the user's callbacks run in the caller's thread and context, while the coroutine waits for their result.
"""

from __future__ import annotations

import asyncio
import inspect
import sys
import threading
from contextlib import closing, contextmanager
from contextvars import copy_context
from queue import Empty, SimpleQueue
from typing import (
    TYPE_CHECKING,
    Any,
    AsyncGenerator,
    AsyncIterator,
    Callable,
    Coroutine,
    Generator,
    Generic,
    Iterator,
    List,
    TypeVar,
    Union,
    cast,
)

from bluma_async._runtime.callbacks import Report, caller, drop_reports
from bluma_sync import _thread
from bluma_sync._messages import Callback, Item, Outcome, strip_own_frames

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from bluma_sync._thread import LoopThread

__all__ = ["entered", "iterate", "mirror", "run", "step"]

T = TypeVar("T")
CANCEL_TIMEOUT = 0.15  # seconds that an interrupted caller waits for its coroutine to release its resources
# Seconds. Ctrl-C does not interrupt a wait without timeout on Windows, so the wait is divided there.
WAIT_SLICE = 0.1 if sys.platform == "win32" else None


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """
    Run a coroutine in the loop, run its callbacks here meanwhile, and return its result.

    Raises:
        BlumaError: A blocking call is impossible in this thread, or the interpreter is shutting down. The message says
            whether a request may have been sent.
    """
    call: _BlockingCall[T] = _BlockingCall()
    try:
        call.start(coroutine)
        outcome = call.receive()
        if isinstance(outcome, Outcome) and outcome.error is None:
            return outcome.value  # inside the block, because an interruption between the two would lose the value
    except BaseException as error:  # noqa: BLE001 - KeyboardInterrupt is the most frequent one
        call.cancel()
        raise error.with_traceback(strip_own_frames(error.__traceback__))  # noqa: B904 - it is the error itself
    return cast("Outcome[T]", outcome).get()


def step(source: AsyncIterator[T]) -> T:
    """Return the next item of an async iterator; raise StopIteration at its end."""
    try:
        return run(cast("Coroutine[Any, Any, T]", source.__anext__()))
    except StopAsyncIteration:
        raise StopIteration from None


def iterate(source: AsyncIterator[T]) -> Iterator[T]:
    """
    Yield the items of an async iterator.

    The iterator runs in one task, waits until the next item is requested, and is closed when the iteration ends, also
    when it ends early.
    """
    call: _BlockingCall[None] = _BlockingCall()
    with closing(call.items(_send_items(call, source))) as items:
        for item in items:
            yield item.value
            item.answer()


@contextmanager
def entered(manager: AbstractAsyncContextManager[T]) -> Generator[T, None, None]:
    """Enter an async context manager, and exit it at the end of the block; both in one task."""
    call: _BlockingCall[None] = _BlockingCall()
    with closing(call.items(_send_value(call, manager))) as items:
        for item in items:
            try:
                yield item.value
            except Exception as error:  # noqa: BLE001, PERF203 - the manager may handle any error; there is one item
                item.answer(error=error)
            else:
                item.answer()


def mirror(cls: type[T], twin: object) -> T:
    """Return an object of a blocking class that runs the calls of an async object."""
    made = object.__new__(cls)
    vars(made)["_async"] = twin
    return made


async def _send_items(call: _BlockingCall[None], source: AsyncIterator[Any]) -> None:
    try:
        async for value in source:
            await call.ask(Item(value))
    finally:
        if isinstance(source, AsyncGenerator):
            await source.aclose()


async def _send_value(call: _BlockingCall[None], manager: AbstractAsyncContextManager[Any]) -> None:
    async with manager as value:
        await call.ask(Item(value))


class _BlockingCall(Generic[T]):
    """One coroutine in the loop, and the caller that waits for it. A queue carries messages to the caller."""

    def __init__(self) -> None:
        self._thread: LoopThread | None = None
        self._coroutine: Coroutine[Any, Any, T] | None = None
        self._task: asyncio.Task[None] | None = None
        self._messages: SimpleQueue[Union[Callback, Item, Outcome[T]]] = SimpleQueue()
        self._drop_reports: List[Report] = []
        # These two are used in the loop alone, so that an outcome and the interruption cannot miss each other.
        self._outcome: Outcome[T] | None = None
        self._cancelled: threading.Event | None = None  # set when the work of an interrupted caller has ended

    def start(self, coroutine: Coroutine[Any, Any, T]) -> None:
        """Start the coroutine in the loop, in a copy of the caller's context."""
        self._coroutine = coroutine
        self._thread = thread = _thread.get_loop_thread()
        context = copy_context()
        context.run(caller.set, self.call_back)
        context.run(drop_reports.set, self._drop_reports)
        try:
            thread.loop.call_soon_threadsafe(self._start_task, thread, context=context)
        except RuntimeError as closed:
            _thread.refuse_at_exit(_thread.NOT_SENT, closed)

    def receive(self) -> Item | Outcome[T]:
        """Wait for an item or the outcome; run callbacks meanwhile. Each of them may have forked the process."""
        while True:
            if self._thread is not None and self._thread.is_inherited:
                self._thread = None  # `cancel` leaves the loop of the parent process alone
                _thread.refuse_in_child()
            try:
                message = self._messages.get(timeout=WAIT_SLICE)
            except Empty:
                continue
            if isinstance(message, Callback):
                message.run()
                continue
            if isinstance(message, Outcome) and message.error is not None:
                _thread.hold_at_exit()
            return message

    def items(self, coroutine: Coroutine[Any, Any, T]) -> Generator[Item, None, None]:
        """Start the coroutine and yield its items; the coroutine continues when the consumer has answered the item."""
        try:
            self.start(coroutine)
            message = self.receive()
            while isinstance(message, Item):
                yield message
                message = self.receive()
        except BaseException:
            self.cancel()
            raise
        message.get()

    def cancel(self) -> None:
        """
        Cancel the coroutine, and wait a moment until it has ended. Its questions are not answered any more.

        It may have ended already, or end with a result: what that has paid for is logged.
        """
        if self._thread is None:
            self._close_unstarted()
            return
        cancelled = threading.Event()
        try:
            self._thread.loop.call_soon_threadsafe(self._cancel, cancelled)
        except RuntimeError:  # the loop is closed
            self._close_unstarted()
            return
        if not self._thread.is_current():
            cancelled.wait(CANCEL_TIMEOUT)

    async def ask(self, question: Callback | Item) -> Any:
        """Send a question to the caller and return its answer. Runs in the loop."""
        self._messages.put(question)
        return await question.wait_answer()

    async def call_back(self, function: Callable[..., Any], *args: Any) -> Any:
        """Call a function in the caller's thread and return its result. Runs in the loop."""
        return await self.ask(Callback(function, args))

    def _start_task(self, thread: LoopThread) -> None:
        self._task = thread.start_task(self._send_outcome())

    async def _send_outcome(self) -> None:
        try:
            outcome = Outcome[T](await cast("Coroutine[Any, Any, T]", self._coroutine))
        except BaseException as error:  # noqa: BLE001 - a SystemExit of an async callback must not end the loop
            outcome = Outcome[T](error=error)
        self._outcome = outcome
        if self._cancelled is not None:
            self._drop(outcome, self._cancelled)
        else:
            self._messages.put(outcome)

    def _cancel(self, cancelled: threading.Event) -> None:
        if self._outcome is not None:
            self._drop(self._outcome, cancelled)
            return
        self._cancelled = cancelled
        if self._task is not None:
            self._task.cancel()
        if self._close_unstarted():
            cancelled.set()

    def _drop(self, outcome: Outcome[T], cancelled: threading.Event) -> None:
        """Report what the coroutine has paid for. One that ends as cancelled has reported that itself."""
        if not isinstance(outcome.error, asyncio.CancelledError):
            for report in self._drop_reports:
                report()
        cancelled.set()

    def _close_unstarted(self) -> bool:
        """
        Close the coroutine if it was not started, and return whether it was not.

        Python warns about a coroutine that is neither awaited nor closed.
        """
        coroutine = self._coroutine
        if coroutine is None or inspect.getcoroutinestate(coroutine) != inspect.CORO_CREATED:
            return False
        coroutine.close()
        return True
