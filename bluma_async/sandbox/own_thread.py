"""
An event loop in a thread of its own, so that blocking code can use a sandbox.

Rule: the end of the loop ends all work that it was given, and takes no more: a thread would wait forever for the rest.
In a forked child there is no loop: it takes no work there, and its end has nothing to do.
"""

from __future__ import annotations

import asyncio
import os
import threading
from concurrent.futures import Future
from typing import Any, Callable, Coroutine, Generator, TypeVar

__all__ = ["OwnThread", "Pending", "find_loop"]

T = TypeVar("T")


def find_loop() -> asyncio.AbstractEventLoop | None:
    """Return the running event loop; None outside of one."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


class OwnThread:
    """A daemon thread that runs an event loop, from its making to `stop`."""

    def __init__(self) -> None:
        self._started: Future[asyncio.AbstractEventLoop] = Future()
        self._gate = threading.Lock()
        self._is_stopping = False
        self._process = os.getpid()
        self._thread = threading.Thread(target=self._run, name="bluma-sandbox", daemon=True)
        self._thread.start()
        self.loop: asyncio.AbstractEventLoop = self._started.result()

    def submit(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """
        Start a coroutine in the loop. May be called from any thread.

        Raises:
            RuntimeError: The loop ends, has ended, or is that of a parent process.
        """
        if not self.is_here:
            work.close()
            raise RuntimeError("The sandbox runs in the parent process. A forked child can only use its URL.")
        with self._gate:
            if self._is_stopping:
                work.close()
                raise RuntimeError("The sandbox was stopped.")
            return asyncio.run_coroutine_threadsafe(work, self.loop)

    def call(self, function: Callable[..., T], *args: Any) -> T:
        """Call a function in the loop, and wait for its result."""

        async def call() -> T:
            return function(*args)

        return self.submit(call()).result()

    def stop(self) -> None:
        """End the loop, which cancels what still runs in it, and wait for the end of the thread."""
        if not self.is_here:
            return
        with self._gate:  # the loop has a task for all earlier work when it ends, and cancels it
            self._is_stopping = True
            self.loop.call_soon_threadsafe(self._stopped.set)
        self._thread.join()

    @property
    def is_here(self) -> bool:
        """Whether this process has the thread. To be asked before the lock, which a child may inherit locked."""
        return self._process == os.getpid()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:  # noqa: BLE001 - the thread that waits for the loop must get it
            if not self._started.done():
                self._started.set_exception(error)

    async def _serve(self) -> None:
        self._stopped = asyncio.Event()
        self._started.set_result(asyncio.get_running_loop())
        await self._stopped.wait()


class Pending:
    """Work in another thread's loop. It may be awaited in any loop, or ignored."""

    def __init__(self, work: Future[None]) -> None:
        self._work = work

    def __await__(self) -> Generator[Any, None, None]:
        return asyncio.wrap_future(self._work).__await__()
