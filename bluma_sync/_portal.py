"""
Run coroutines for callers that block.

Rule 1: only this module and `_thread`, where the loop is, know threads.
Rule 2: an interrupted caller takes its coroutine along: whatever is raised while it waits cancels what it waits for.
Rule 3: what the user passed in runs in the caller's thread and context, while the coroutine waits for it.
"""

from __future__ import annotations

import asyncio
import inspect
import sys
import time
from contextlib import closing, contextmanager, suppress
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

from bluma_async._runtime.callbacks import caller
from bluma_async.errors import BlumaError
from bluma_sync import _thread

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager
    from types import TracebackType

    from bluma_sync._thread import LoopThread

__all__ = ["entered", "iterate", "mirror", "run", "step"]

T = TypeVar("T")
UNWINDING = 0.15  # seconds that an interrupted caller waits for its coroutine to let go of what it holds
PORTAL = {__file__, _thread.__file__}
SLICE = 0.1 if sys.platform == "win32" else None  # seconds; on Windows a wait without end cannot be interrupted


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """
    Wait for a coroutine, do meanwhile what it asks of its caller, and return what it returns.

    Raises:
        BlumaError: A blocking call cannot work here, or not any more. The coroutine was not begun.
    """
    job: _Job[T] = _Job()
    try:
        job.start(coroutine)
        outcome = job.receive()
    except BaseException as error:  # noqa: BLE001 - Ctrl-C above all
        job.cancel()
        raise error.with_traceback(_without_portal(error.__traceback__))  # noqa: B904 - it is the error itself
    return cast("_Outcome[T]", outcome).get()


def step(source: AsyncIterator[T]) -> T:
    """Return the next item; raise StopIteration at the end."""
    try:
        return run(cast("Coroutine[Any, Any, T]", source.__anext__()))
    except StopAsyncIteration:
        raise StopIteration from None


def iterate(source: AsyncIterator[T]) -> Iterator[T]:
    """Give the items of an async iterator. It runs in one task, and is closed when nobody wants more."""
    job: _Job[None] = _Job()
    with closing(job.items(_feed(job, source))) as items:
        for item in items:
            yield item.value
            item.answer()


@contextmanager
def entered(manager: AbstractAsyncContextManager[T]) -> Generator[T, None, None]:
    """Enter an async context manager, and leave it at the end of the block; both in one task."""
    job: _Job[None] = _Job()
    with closing(job.items(_hold(job, manager))) as items:
        for item in items:
            try:
                yield item.value
            except Exception as error:  # noqa: BLE001, PERF203 - the manager decides about it, once
                item.answer(error=error)
            else:
                item.answer()


def mirror(cls: type[T], twin: object) -> T:
    """Return an object of a blocking class that runs the calls of this async one."""
    made = object.__new__(cls)
    vars(made)["_async"] = twin
    return made


async def _feed(job: _Job[None], source: AsyncIterator[Any]) -> None:
    try:
        async for value in source:
            await job.ask(_Item(value))
    finally:
        if isinstance(source, AsyncGenerator):
            await source.aclose()


async def _hold(job: _Job[None], manager: AbstractAsyncContextManager[Any]) -> None:
    async with manager as value:
        await job.ask(_Item(value))


class _Question:
    """Something that a coroutine wants of its caller: to take an item, or to run an errand."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._answer: asyncio.Future[tuple[Any, Exception | None]] = self._loop.create_future()

    async def answered(self) -> Any:
        """Return, or raise, what the caller answers; in the loop."""
        value, error = await self._answer
        if error is not None:
            raise error
        return value

    def answer(self, value: object = None, error: Exception | None = None) -> None:
        """Answer, and let the coroutine go on."""
        _thread.hand_over(self._loop, self._settle, value, error)

    def _settle(self, value: object, error: Exception | None) -> None:
        if not self._answer.done():
            self._answer.set_result((value, error))


class _Item(_Question):
    """Something to hand out; answered when the next one is wanted."""

    def __init__(self, value: Any) -> None:
        super().__init__()
        self.value = value


class _Errand(_Question):
    """A function to call."""

    def __init__(self, function: Callable[..., Any], args: tuple[Any, ...]) -> None:
        super().__init__()
        self._function = function
        self._args = args

    def run(self) -> None:
        """Call it. What it raises ends the coroutine, as it would end an async caller's."""
        try:
            self.answer(self._function(*self._args))
        except Exception as error:  # noqa: BLE001 - whatever it is
            self.answer(error=error.with_traceback(_without_portal(error.__traceback__)))


class _Outcome(Generic[T]):
    """What became of a coroutine."""

    def __init__(self, value: Any = None, error: BaseException | None = None) -> None:
        self._value = value
        self._error = error

    def get(self) -> T:
        """Return it, or raise it."""
        error, self._error = self._error, None
        if error is None:
            return cast("T", self._value)
        try:
            raise _explained(error).with_traceback(_without_portal(error.__traceback__))
        finally:
            del error  # its traceback leads back here


class _Job(Generic[T]):
    """One coroutine on its way, and the caller who waits for it."""

    def __init__(self) -> None:
        self._thread: LoopThread | None = None
        self._coroutine: Coroutine[Any, Any, T] | None = None
        self._task: asyncio.Task[None] | None = None
        self._messages: SimpleQueue[Union[_Errand, _Item, _Outcome[T]]] = SimpleQueue()

    def start(self, coroutine: Coroutine[Any, Any, T]) -> None:
        """Have the loop begin with it."""
        self._coroutine = coroutine
        self._thread = thread = _thread.reach()
        context = copy_context()
        context.run(caller.set, self.call_back)
        _thread.hand_over(thread.loop, self._begin, thread, context=context, refusal=_thread.EXITING)

    def receive(self) -> _Item | _Outcome[T]:
        """Wait for an item or the outcome; run errands meanwhile."""
        while True:
            try:
                message = self._messages.get(timeout=SLICE)
            except Empty:
                continue
            if not isinstance(message, _Errand):
                return message
            message.run()

    def items(self, coroutine: Coroutine[Any, Any, T]) -> Generator[_Item, None, None]:
        """Start, and give what the coroutine hands out, to be answered one by one."""
        try:
            self.start(coroutine)
            message = self.receive()
            while isinstance(message, _Item):
                yield message
                message = self.receive()
        except BaseException:
            self.cancel()
            raise
        message.get()

    def cancel(self) -> None:
        """Stop the coroutine, and give it a moment to let go of what it holds. Nobody answers it any more."""
        if self._thread is None:
            self._close()
            return
        try:
            self._thread.loop.call_soon_threadsafe(self._cancel)
        except RuntimeError:  # the loop is over
            self._close()
            return
        ends = time.monotonic() + (0 if self._thread.is_here() else UNWINDING)
        with suppress(Empty):
            while not isinstance(self._messages.get(timeout=max(ends - time.monotonic(), 0)), _Outcome):
                pass

    async def ask(self, question: _Errand | _Item) -> Any:
        """Ask something of the caller; in the loop."""
        self._messages.put(question)
        return await question.answered()

    async def call_back(self, function: Callable[..., Any], *args: Any) -> Any:
        """Call a function in the caller's thread; in the loop."""
        return await self.ask(_Errand(function, args))

    def _begin(self, thread: LoopThread) -> None:
        self._task = thread.begin(self._follow())

    async def _follow(self) -> None:
        try:
            outcome = _Outcome[T](await cast("Coroutine[Any, Any, T]", self._coroutine))
        except BaseException as error:  # noqa: BLE001 - SystemExit in an async callback must not end the loop
            outcome = _Outcome[T](error=error)
        if not _thread.is_exiting():
            self._messages.put(outcome)

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()
        if self._close():
            self._messages.put(_Outcome())

    def _close(self) -> bool:
        """Close a coroutine that was not begun, and tell whether it was so."""
        coroutine = self._coroutine
        if coroutine is None or inspect.getcoroutinestate(coroutine) != inspect.CORO_CREATED:
            return False
        coroutine.close()
        return True


def _explained(error: BaseException) -> BaseException:
    """Return, or raise, the error for the caller: none that only the loop knows of."""
    _thread.refuse_shutdown_error(error)
    if not isinstance(error, asyncio.CancelledError):
        return error
    told = BlumaError("The call was cancelled in the loop that ran it; what it had sent may have been acted on.")
    told.__cause__ = error
    return told


def _without_portal(trace: TracebackType | None) -> TracebackType | None:
    """Leave out of a traceback what the portal adds to it."""
    kept: List[TracebackType] = []
    while trace is not None:
        if trace.tb_frame.f_code.co_filename not in PORTAL:
            kept.append(trace)
        trace = trace.tb_next
    for entry, following in zip(kept, [*kept[1:], None]):
        entry.tb_next = following
    return kept[0] if kept else None
