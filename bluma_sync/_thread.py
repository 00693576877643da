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
from typing import TYPE_CHECKING, Any, Coroutine, List

from bluma_async.errors import BlumaError

if TYPE_CHECKING:
    from anyio.from_thread import BlockingPortal

__all__ = ["LoopThread", "is_exiting", "reach"]

FAREWELL = 1.0  # seconds that the interpreter's exit waits for the loop
# Not the event loop policy's choice: somebody else's loop may not survive a fork.
if sys.platform == "win32":
    LOOP = asyncio.ProactorEventLoop
else:
    LOOP = asyncio.SelectorEventLoop
INSIDE = (
    "A blocking call was made in the thread of the loop that would run it, and would wait for itself for ever. Async "
    "callbacks and tracing run there: use AsyncBluma in them, or a callback that is not async."
)
EXITING = "The interpreter is shutting down, and nothing was sent. Make the call before the program ends."


class LoopThread:
    """A running loop."""

    def __init__(self) -> None:
        self.loop = LOOP()
        self._portal: BlockingPortal | None = None
        self._thread = threading.Thread(target=self._serve, name="bluma", daemon=True)
        self._thread.start()

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
            await self._portal.sleep_until_stopped()


class _Process:
    """What this process has: its loop, once there is one."""

    def __init__(self) -> None:
        self.is_exiting = False
        self._current: LoopThread | None = None
        self._starting = threading.Lock()
        self._inherited: List[LoopThread] = []  # the parent's: what is never collected is never closed

    def reach(self) -> LoopThread:
        current = self._current
        if current is None:
            if self.is_exiting:
                self._refuse_at_exit()
            with self._starting:
                current = self._current = self._current or LoopThread()
        if current.is_here():
            raise BlumaError(INSIDE)
        return current

    def start_afresh(self) -> None:
        """Have nothing; in a child, after a fork."""
        if self._current is not None:
            self._inherited.append(self._current)
        self._current = None
        self._starting = threading.Lock()

    def exit(self) -> None:
        """Let the loop close what is open; at the interpreter's exit."""
        self.is_exiting = True
        current, self._current = self._current, None
        if current is not None:
            current.stop()

    def _refuse_at_exit(self) -> None:
        if threading.current_thread().daemon:
            threading.Event().wait()  # the interpreter is about to stop this thread anyway, and without a word
        raise BlumaError(EXITING)


def reach() -> LoopThread:
    """
    Return the process's loop, started at its first use.

    Raises:
        BlumaError: The present thread is the loop's own, or the interpreter is shutting down.
    """
    return _process.reach()


def is_exiting() -> bool:
    """Whether the interpreter is shutting down: who waits now is a daemon, and will be stopped."""
    return _process.is_exiting


_process = _Process()
atexit.register(_process.exit)
if hasattr(os, "register_at_fork"):  # not on Windows, where there is no fork
    os.register_at_fork(after_in_child=_process.start_afresh)
