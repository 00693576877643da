"""
The thread of the portal: one event loop for all blocking clients of the process.

Rule 1: it starts with the first call, and once, however many threads call first.
Rule 2: a forked child starts afresh and leaves alone what it inherited.
Rule 3: at exit the loop closes what is open and ends; nobody waits long for it, and nothing is printed.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Callable, Coroutine, List, NoReturn

from bluma_async.errors import BlumaError

# Not the event loop policy's choice: somebody else's loop may not survive a fork.
if sys.platform == "win32":
    from asyncio import ProactorEventLoop as PlatformLoop
else:
    from asyncio import SelectorEventLoop as PlatformLoop

if TYPE_CHECKING:
    from contextvars import Context

    from anyio.from_thread import BlockingPortal

__all__ = ["EXITING", "LoopThread", "hand_over", "is_exiting", "reach", "refuse_shutdown_error"]

FAREWELL = 1.0  # seconds that the interpreter's exit waits for the loop
INSIDE = (
    "A blocking call was made in the thread of the loop that would run it, and would wait for itself for ever. Async "
    "callbacks and tracing run there: use AsyncBluma in them, or a callback that is not async."
)
EXITING = "The interpreter is shutting down, and nothing was sent. Make the call before the program ends."
ENDED = (
    "The interpreter is shutting down, and the call could not go on; what was sent may have been acted on. Make the "
    "call before the program ends."
)


class _Loop(PlatformLoop):
    async def shutdown_default_executor(self, timeout: float | None = None) -> None:  # noqa: ASYNC109 - asyncio's
        """
        Do not wait for the threads that resolve host names.

        asyncio starts a thread to wait for them, and since Python 3.12 no thread can be started at exit. There, they
        have ended already; `close` shuts the executor down without waiting.
        """


class LoopThread:
    """A running loop."""

    def __init__(self) -> None:
        self.loop = _Loop()
        self._portal: BlockingPortal | None = None
        self._is_stopping = False  # set before `_portal` is read in `stop`, and read after `_portal` is set in the loop
        self._thread = threading.Thread(target=self._serve, name="bluma", daemon=True)
        try:
            self._thread.start()
        except RuntimeError:
            self.loop.close()
            raise

    def is_here(self) -> bool:
        """Whether the present thread is the loop's own."""
        return threading.get_ident() == self._thread.ident

    def begin(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """
        Run a coroutine as a task, up to where it first waits; in the loop.

        Usually its first step comes in the loop's next round. Not to wait for that saves a quarter of a call.
        """
        if sys.version_info >= (3, 12):
            return asyncio.Task(coroutine, loop=self.loop, eager_start=True)
        task = self.loop.create_task(coroutine)
        loop: Any = self.loop
        loop._ready.pop()._run()  # noqa: SLF001 - the step itself; these Pythons will not change any more
        return task

    def stop(self) -> None:
        """End the loop, and wait a moment for it."""
        self._is_stopping = True
        if self._portal is not None:
            with suppress(RuntimeError):  # it ended by itself
                self._portal.start_task_soon(self._portal.stop)
        self._thread.join(FAREWELL)

    def _serve(self) -> None:
        import anyio  # noqa: PLC0415 - loads at the first call

        anyio.run(self._until_stopped, backend_options={"loop_factory": lambda: self.loop})

    async def _until_stopped(self) -> None:
        from anyio.from_thread import BlockingPortal  # noqa: PLC0415 - as above

        async with BlockingPortal() as self._portal:
            if not self._is_stopping:
                await self._portal.sleep_until_stopped()


class _Process:
    """What this process has: its loop, once there is one."""

    def __init__(self) -> None:
        self._exit_began = threading.Event()
        self._current: LoopThread | None = None
        self._starting = threading.Lock()
        self._inherited: List[LoopThread] = []  # the parent's: what is never collected is never closed

    @property
    def is_exiting(self) -> bool:
        """Whether the loop was ended, or none will be started any more."""
        return self._exit_began.is_set()

    def reach(self) -> LoopThread:
        current = self._current or self._start()
        if current.is_here():
            raise BlumaError(INSIDE)
        return current

    def start_afresh(self) -> None:
        """Have nothing; in a child, after a fork."""
        if self._current is not None:
            self._inherited.append(self._current)
        self._current = None
        self._starting = threading.Lock()
        was_exiting, self._exit_began = self.is_exiting, threading.Event()
        if was_exiting:
            self._exit_began.set()

    def exit(self) -> None:
        """Let the loop close what is open; at the interpreter's exit."""
        with self._starting:
            self._exit_began.set()
            current, self._current = self._current, None
        if current is not None:
            current.stop()

    def refuse_at_exit(self, message: str, cause: BaseException | None = None) -> NoReturn:
        # The interpreter stops daemon threads silently soon after `exit` began; an error would be printed. Where `exit`
        # does not begin, other threads keep the program alive, and a thread that waited for ever would be lost.
        if threading.current_thread().daemon and self._exit_began.wait(FAREWELL):
            threading.Event().wait()
        raise BlumaError(message) from cause

    def _start(self) -> LoopThread:
        cause: RuntimeError | None = None
        with self._starting:
            try:
                if self._current is None and not self.is_exiting:
                    self._current = LoopThread()
            except RuntimeError as error:
                if not _is_shutdown_error(error):
                    raise
                cause = error
            current = self._current
        return current or self.refuse_at_exit(EXITING, cause)


def reach() -> LoopThread:
    """
    Return the process's loop, started at its first use.

    Raises:
        BlumaError: The present thread is the loop's own, or the interpreter is shutting down.
    """
    return _process.reach()


def hand_over(
    loop: asyncio.AbstractEventLoop,
    callback: Callable[..., object],
    *args: object,
    context: Context | None = None,
    refusal: str = ENDED,
) -> None:
    """
    Have a function called in the loop of this process.

    Raises:
        BlumaError: The loop has ended, at the interpreter's exit.
    """
    try:
        loop.call_soon_threadsafe(callback, *args, context=context)
    except RuntimeError as closed:
        _process.refuse_at_exit(refusal, closed)


def is_exiting() -> bool:
    """Whether the interpreter is shutting down: who waits now is a daemon, and will be stopped."""
    return _process.is_exiting


def refuse_shutdown_error(error: BaseException) -> None:
    """
    Raise a BlumaError in the place of an error of a call that needed a new thread at the interpreter's exit.

    Raises:
        BlumaError: The interpreter is shutting down.
    """
    if _is_shutdown_error(error):
        _process.refuse_at_exit(ENDED, error)


def _is_shutdown_error(error: BaseException) -> bool:
    """
    Return whether Python refused to start a thread, or to use one, because the main thread has ended.

    Executors refuse since Python 3.9, threads since 3.12; all messages have this word.
    """
    return isinstance(error, RuntimeError) and "shutdown" in str(error) and not threading.main_thread().is_alive()


_process = _Process()
atexit.register(_process.exit)
if hasattr(os, "register_at_fork"):  # not on Windows, where there is no fork
    os.register_at_fork(after_in_child=_process.start_afresh)
