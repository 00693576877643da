"""
The thread of the portal: one event loop for all blocking clients of the process.

Rule 1: the thread starts with the first call, and only once, however many threads make a first call at the same time.
Rule 2: a forked child starts a thread of its own, and does not touch the loop of its parent.
Rule 3: at exit the loop cancels its tasks, closes its connections and ends. The interpreter waits at most
`EXIT_TIMEOUT` for it, and nothing is printed.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Coroutine, List

from bluma_async.errors import BlumaError

if TYPE_CHECKING:
    from anyio.from_thread import BlockingPortal

__all__ = ["LoopThread", "get_loop_thread", "is_exiting"]

EXIT_TIMEOUT = 1.0  # seconds
# Not the loop of the event loop policy: a program can set one, such as uvloop's, that does not survive a fork.
if sys.platform == "win32":
    LOOP = asyncio.ProactorEventLoop
else:
    LOOP = asyncio.SelectorEventLoop
CALLED_IN_LOOP = (
    "A blocking call was made in the thread of the event loop that would run it, and would wait for itself forever. "
    "Async callbacks and tracing run there: use AsyncBluma in them, or a callback that is not async."
)
EXITING = "The interpreter is shutting down, and nothing was sent. Make the call before the program ends."


class LoopThread:
    """A daemon thread that runs an event loop."""

    def __init__(self) -> None:
        self.loop = LOOP()
        self._portal: BlockingPortal | None = None
        self._thread = threading.Thread(target=self._run_loop, name="bluma", daemon=True)
        self._thread.start()

    def is_current(self) -> bool:
        """Return whether the calling thread is this one."""
        return threading.get_ident() == self._thread.ident

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
            await self._portal.sleep_until_stopped()


class _ProcessState:
    """The loop thread of this process, if it was started, and whether the process is exiting."""

    def __init__(self) -> None:
        self.is_exiting = False
        self._current: LoopThread | None = None
        self._start_lock = threading.Lock()
        # The threads of parent processes. They stay referenced: a loop that is garbage-collected warns that it was not
        # closed.
        self._inherited: List[LoopThread] = []

    def get_loop_thread(self) -> LoopThread:
        current = self._current
        if current is None:
            if self.is_exiting:
                self._refuse_at_exit()
            with self._start_lock:
                current = self._current = self._current or LoopThread()
        if current.is_current():
            raise BlumaError(CALLED_IN_LOOP)
        return current

    def reset_after_fork(self) -> None:
        """Forget the parent's thread, which does not exist in the child, and the lock, which may be locked forever."""
        if self._current is not None:
            self._inherited.append(self._current)
        self._current = None
        self._start_lock = threading.Lock()

    def shut_down(self) -> None:
        """Stop the loop, which cancels its tasks and closes its connections. Runs at the exit of the interpreter."""
        self.is_exiting = True
        current, self._current = self._current, None
        if current is not None:
            current.stop()

    def _refuse_at_exit(self) -> None:
        # The interpreter stops daemon threads without a message, but would print an error that is raised in them.
        if threading.current_thread().daemon:
            threading.Event().wait()
        raise BlumaError(EXITING)


def get_loop_thread() -> LoopThread:
    """
    Return the loop thread of this process; start it at the first call.

    Raises:
        BlumaError: The calling thread is the loop thread itself, or the interpreter is shutting down.
    """
    return _process.get_loop_thread()


def is_exiting() -> bool:
    """Return whether the interpreter is shutting down; the only callers that still wait are daemon threads."""
    return _process.is_exiting


_process = _ProcessState()
atexit.register(_process.shut_down)
if hasattr(os, "register_at_fork"):  # Windows has no fork
    os.register_at_fork(after_in_child=_process.reset_after_fork)
