"""An event loop whose time is virtual: it jumps to the next moment at which something is due."""

from __future__ import annotations

import asyncio
import contextvars
from datetime import datetime, timedelta, timezone
from typing import Any, Callable, Coroutine, Dict, List, Optional, Tuple, TypeVar

T = TypeVar("T")
EPOCH = datetime(2026, 1, 1, tzinfo=timezone.utc)


class Killed(BaseException):
    """The process of this task was killed: nothing of it runs any more."""


class Process:
    """The tasks of one simulated process: they can be stopped all at once, as SIGSTOP does, and go on later."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop
        self._parked: List[Tuple[List[asyncio.Handle], Callable[..., Any], Tuple[Any, ...], contextvars.Context]] = []
        self.is_frozen = False

    def spawn(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Begin a task of this process; the tasks that it begins are this process's too."""
        context = contextvars.Context()
        context.run(PROCESS.set, self)
        task: asyncio.Task[T] = context.run(self._loop.create_task, work)
        return task

    def call(self, handles: List[asyncio.Handle], callback: Callable[..., Any], *args: Any) -> None:
        """Run a callback now, or when the process goes on."""
        if handles[0].cancelled():
            return
        if self.is_frozen:
            self._parked.append((handles, callback, args, contextvars.copy_context()))
        else:
            callback(*args)

    def thaw(self) -> None:
        """Let the process go on."""
        self.is_frozen = False
        parked, self._parked = self._parked, []
        for handles, callback, args, context in parked:
            asyncio.BaseEventLoop.call_soon(self._loop, self.call, handles, callback, *args, context=context)


PROCESS: contextvars.ContextVar[Optional[Process]] = contextvars.ContextVar("process", default=None)


def spawn_outside(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    """Begin a task of no process: what a server does goes on while its client is stopped."""
    task: asyncio.Task[T] = contextvars.Context().run(loop.create_task, work)
    return task


class DeadlockError(Exception):
    """Every task waits, and nothing is due."""


class _Selector:
    """Waits by moving the loop's time."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop

    def select(self, timeout: Optional[float]) -> List[Any]:
        if timeout is None:
            raise DeadlockError("all tasks wait for something that nobody will do")
        self._loop.seconds += timeout
        return []


class VirtualLoop(asyncio.BaseEventLoop):
    """asyncio's own loop, without sockets, over virtual seconds."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds = 0.0
        self._selector = _Selector(self)
        self.failures: List[str] = []
        self.set_exception_handler(self._note_failure)

    def _note_failure(self, _: asyncio.AbstractEventLoop, context: Dict[str, Any]) -> None:
        if not isinstance(context.get("exception"), Killed):
            self.failures.append(f"{context.get('message')}: {context.get('exception')!r}")

    def time(self) -> float:
        return self.seconds

    def call_soon(  # type: ignore[override]  # without TypeVarTuple, which Python 3.8 does not have
        self, callback: Callable[..., Any], *args: Any, context: Optional[contextvars.Context] = None
    ) -> asyncio.Handle:
        process = PROCESS.get() if context is None else context.get(PROCESS)
        if process is None:
            return super().call_soon(callback, *args, context=context)
        handles: List[asyncio.Handle] = []
        handles.append(super().call_soon(process.call, handles, callback, *args, context=context))
        return handles[0]

    def call_at(  # type: ignore[override]  # as above
        self, when: float, callback: Callable[..., Any], *args: Any, context: Optional[contextvars.Context] = None
    ) -> asyncio.TimerHandle:
        process = PROCESS.get() if context is None else context.get(PROCESS)
        if process is None:
            return super().call_at(when, callback, *args, context=context)
        handles: List[asyncio.Handle] = []
        handle = super().call_at(when, process.call, handles, callback, *args, context=context)
        handles.append(handle)
        return handle

    def _process_events(self, event_list: List[Any]) -> None:
        pass

    def _write_to_self(self) -> None:
        pass


class VirtualClock:
    """The Clock port over a virtual loop; `ahead` is how many seconds this machine's wall clock is wrong."""

    def __init__(self, loop: VirtualLoop, ahead: float = 0.0) -> None:
        self._loop = loop
        self._ahead = ahead

    def now(self) -> float:
        return self._loop.seconds

    def utc(self) -> datetime:
        return EPOCH + timedelta(seconds=self._loop.seconds + self._ahead)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def run_virtually(loop: VirtualLoop, work: Coroutine[Any, Any, T]) -> T:
    """Run to the end, and close the loop; real time hardly passes."""
    try:
        return loop.run_until_complete(work)
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()
