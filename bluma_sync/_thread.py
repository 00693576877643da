"""
The thread of the portal: one event loop for all blocking clients of the process.

Rule 1: the thread starts with the first call, and only once, however many threads make a first call at the same time.
Rule 2: a forked child starts a thread of its own, and does not touch the loop of its parent.
Rule 3: at exit the loop cancels its tasks, closes its connections and ends. The interpreter waits at most
`EXIT_TIMEOUT` for it, and nothing is printed.
Rule 4: a daemon thread whose call ends with the loop is held, because Python would print the error, until the
interpreter stops it. After `LONGEST_HOLD` its call ends nevertheless: an exit function may be waiting for this thread.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import sys
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Coroutine, List, NoReturn

# Not the loop of the event loop policy: a program can set one, such as uvloop's, that does not survive a fork.
if sys.platform == "win32":
    from asyncio import ProactorEventLoop as PlatformLoop
else:
    from asyncio import SelectorEventLoop as PlatformLoop

if TYPE_CHECKING:
    from anyio.from_thread import BlockingPortal

    from bluma_async.errors import BlumaError

__all__ = [
    "INTERRUPTED",
    "NOT_SENT",
    "LoopThread",
    "get_loop_thread",
    "hold_at_exit",
    "refuse_at_exit",
    "refuse_in_child",
    "refuse_shutdown_error",
]

EXIT_TIMEOUT = 1.0  # seconds
LONGEST_HOLD = 5.0  # seconds, from the beginning of the exit
CALLED_IN_LOOP = (
    "A blocking call was made in the thread of the event loop that would run it, and would wait for itself forever. "
    "Async callbacks and tracing run there: use AsyncBluma in them, or a callback that is not async."
)
NOT_SENT = "The interpreter is shutting down, and nothing was sent. Make the call before the program ends."
BEGUN_BY_PARENT = (
    "This was begun before the process was forked, and goes on in the parent process alone. Begin it again in the "
    "child process."
)
INTERRUPTED = (
    "The interpreter is shutting down, and the call could not continue; a request that was sent may have been "
    "processed. Make the call before the program ends."
)


class _Loop(PlatformLoop):
    async def shutdown_default_executor(self, timeout: float | None = None) -> None:  # noqa: ASYNC109 - asyncio's own
        """
        Do not wait for the threads that resolve host names.

        asyncio starts a thread to wait for them, which some releases of Python refuse at exit, such as 3.12.1. By then
        these threads have ended, and `close` shuts the executor down without waiting.
        """


class LoopThread:
    """A daemon thread that runs an event loop."""

    def __init__(self) -> None:
        self.loop = _Loop()
        self._pid = os.getpid()
        self._portal: BlockingPortal | None = None
        # `stop` sets this before it reads `_portal`, and the loop reads it after it has set `_portal`: one of them sees
        # the other, so a loop that is stopped while it starts ends too.
        self._is_stopping = False
        self._thread = threading.Thread(target=self._run_loop, name="bluma", daemon=True)
        try:
            self._thread.start()
        except RuntimeError:
            self.loop.close()
            raise

    def is_current(self) -> bool:
        """Return whether the calling thread is this one."""
        return threading.get_ident() == self._thread.ident

    @property
    def is_inherited(self) -> bool:
        """Whether the thread belongs to the parent of this process, so that nothing runs in its loop here."""
        return self._pid != os.getpid()

    def start_task(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """
        Run a coroutine as a task, and run its first step at once. Call it in the loop.

        A task usually takes its first step in the next iteration of the loop. Not waiting for that iteration saves a
        quarter of the time of a call.
        """
        if sys.version_info >= (3, 12):
            return asyncio.Task(coroutine, loop=self.loop, eager_start=True)
        task = self.loop.create_task(coroutine)
        loop: Any = self.loop
        # The handle that create_task has just scheduled. Private, but these versions of Python get no new features.
        loop._ready.pop()._run()  # noqa: SLF001
        return task

    def stop(self) -> None:
        """Stop the loop, and wait at most `EXIT_TIMEOUT` for its end."""
        self._is_stopping = True
        if self._portal is not None:
            with suppress(RuntimeError):  # the portal has ended already
                self._portal.start_task_soon(self._portal.stop)
        self._thread.join(EXIT_TIMEOUT)

    def _run_loop(self) -> None:
        import anyio  # noqa: PLC0415 - importing the SDK must not load anyio

        anyio.run(self._run_portal, backend_options={"loop_factory": lambda: self.loop})

    async def _run_portal(self) -> None:
        from anyio.from_thread import BlockingPortal  # noqa: PLC0415 - importing the SDK must not load anyio

        async with BlockingPortal() as self._portal:
            if not self._is_stopping:
                await self._portal.sleep_until_stopped()


class _ProcessState:
    """The loop thread of this process, if it was started, and whether the process is exiting."""

    def __init__(self) -> None:
        self._exit_began = threading.Event()
        self._hold_ends = 0.0  # monotonic
        self._current: LoopThread | None = None
        # A signal handler of the program can make a call while the same thread holds it.
        self._start_lock = threading.RLock()
        # The threads of parent processes. They stay referenced: a loop that is garbage-collected warns that it was not
        # closed.
        self._inherited: List[LoopThread] = []

    @property
    def is_exiting(self) -> bool:
        """Whether the interpreter is shutting down: the loop is stopped, and no other loop is started."""
        return self._exit_began.is_set()

    def get_loop_thread(self) -> LoopThread:
        current = self._current or self._start()
        if current.is_current():
            raise _make_error(CALLED_IN_LOOP)
        return current

    def reset_after_fork(self) -> None:
        """Replace the parent's thread, which does not exist in the child, and the locks, which may be held forever."""
        if self._current is not None:
            self._inherited.append(self._current)
        self._current = None
        self._start_lock = threading.RLock()
        was_exiting, self._exit_began = self.is_exiting, threading.Event()
        if was_exiting:
            self._exit_began.set()

    def shut_down(self) -> None:
        """Stop the loop, which cancels its tasks and closes its connections. Runs at the exit of the interpreter."""
        with self._start_lock:
            self._hold_ends = time.monotonic() + LONGEST_HOLD
            self._exit_began.set()
            current, self._current = self._current, None
        if current is not None:
            current.stop()

    def refuse_at_exit(self, message: str, cause: BaseException | None = None) -> NoReturn:
        """
        Raise a BlumaError; in a daemon thread, only if the interpreter does not stop the thread before.

        If `shut_down` does not run soon, other threads keep the program alive, and this thread is not held.
        """
        if threading.current_thread().daemon and self._exit_began.wait(EXIT_TIMEOUT):
            self.hold_at_exit()
        raise _make_error(message) from cause

    def hold_at_exit(self) -> None:
        """Hold a daemon thread at exit: the interpreter usually stops it meanwhile, without a message."""
        if self.is_exiting and threading.current_thread().daemon:
            time.sleep(max(self._hold_ends - time.monotonic(), 0.0))

    def _start(self) -> LoopThread:
        cause: RuntimeError | None = None
        with self._start_lock:
            try:
                if self._current is None and not self.is_exiting:
                    made = LoopThread()
                    if self._current is None:
                        self._current = made
                    else:  # a signal handler has made a call meanwhile
                        made.stop()
            except RuntimeError as error:
                if not _is_shutdown_error(error):
                    raise
                cause = error
            current = self._current
        return current or self.refuse_at_exit(NOT_SENT, cause)


def _make_error(message: str) -> BlumaError:
    from bluma_async.errors import BlumaError  # noqa: PLC0415 - loaded by every client, and not needed without one

    return BlumaError(message)


def get_loop_thread() -> LoopThread:
    """
    Return the loop thread of this process; start it at the first call.

    Raises:
        BlumaError: The calling thread is the loop thread itself, or the interpreter is shutting down.
    """
    return _process.get_loop_thread()


def refuse_in_child() -> NoReturn:
    """
    Refuse to continue what the parent of a forked process has begun.

    Raises:
        BlumaError: Always.
    """
    raise _make_error(BEGUN_BY_PARENT)


def refuse_at_exit(message: str, cause: BaseException) -> NoReturn:
    """
    Refuse a call, because the loop has ended.

    Raises:
        BlumaError: Always, except in a daemon thread that the interpreter stops before.
    """
    _process.refuse_at_exit(message, cause)


def hold_at_exit() -> None:
    """Hold a daemon thread whose call has ended with the loop, until the interpreter stops it, or for a few seconds."""
    _process.hold_at_exit()


def refuse_shutdown_error(error: BaseException) -> None:
    """
    Replace an error of Python that refuses a new thread at exit; return if it is another error.

    Raises:
        BlumaError: The interpreter is shutting down.
    """
    if _is_shutdown_error(error):
        _process.refuse_at_exit(INTERRUPTED, error)


def _is_shutdown_error(error: BaseException) -> bool:
    """
    Return whether Python refused a thread because the main thread has ended.

    Executors refuse since Python 3.9; the interpreter itself refuses new threads in some releases, such as 3.12.1. The
    type is a plain RuntimeError; all messages contain "shutdown".
    """
    return isinstance(error, RuntimeError) and "shutdown" in str(error) and not threading.main_thread().is_alive()


_process = _ProcessState()
atexit.register(_process.shut_down)
if hasattr(os, "register_at_fork"):  # Windows has no fork
    os.register_at_fork(after_in_child=_process.reset_after_fork)
