"""
Run blocking functions, such as disk operations, in threads.

Rule: work whose duration users decide, such as their handlers, gets threads of its own. Otherwise slow handlers would
take the threads that files and stores need. They are anyio's, for which the interpreter waits at exit.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Callable

from bluma_async._runtime.loop_local import LoopLocal
from bluma_async._runtime.running_loop import get_running_loop
from bluma_async._runtime.tasks import finish
from bluma_async._runtime.thread_pool import Completion, Work, start_in_thread

if TYPE_CHECKING:
    import anyio

__all__ = ["Threads", "in_thread", "in_thread_or_leave"]


async def in_thread(function: Callable[..., Any], *args: Any) -> Any:
    """
    Call a function in one of the threads that all files share, and return its result.

    If the caller is cancelled, the function is awaited first. A thread cannot be interrupted, and one that is still
    running could open a file that the caller is about to close.
    """
    completion = Completion()
    start_in_thread(function, args, completion.resolve)
    return await completion.wait()


async def in_thread_or_leave(function: Callable[..., Any], *args: Any) -> Any:
    """
    Call a function that may wait for another program, as the reader of a pipe does, and return its result.

    If the caller is cancelled, the function keeps running, because nothing can interrupt it. It must not use an object
    that the caller closes. It has a daemon thread of its own: many that wait would take those that files need.
    """
    completion = Completion()
    work = Work(get_running_loop(), function, args, completion.resolve)
    threading.Thread(target=work.run, name="bluma pipe", daemon=True).start()
    return await completion.wait(leaves=True)


class Threads:
    """Threads for one purpose: at most `most` in each event loop, which no other work uses. The others wait."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._limiters: LoopLocal[anyio.CapacityLimiter] = LoopLocal(self._make_limiter)

    async def run(self, function: Callable[..., Any], *args: Any) -> Any:
        """
        Call a function in one of these threads, and return its result; as `in_thread`.

        Raises:
            RuntimeError: The function has raised SystemExit, which would end the event loop.
        """
        return await _run(_contain_exit, (function, *args), self._limiters.get())

    def _make_limiter(self) -> anyio.CapacityLimiter:
        import anyio  # noqa: PLC0415 - importing the SDK must not load anyio

        return anyio.CapacityLimiter(self._most)


def _contain_exit(function: Callable[..., Any], *args: Any) -> Any:
    try:
        return function(*args)
    except SystemExit as exiting:
        raise RuntimeError("The function called exit().") from exiting


async def _run(function: Callable[..., Any], args: tuple[Any, ...], limiter: anyio.CapacityLimiter) -> Any:
    import anyio.to_thread  # noqa: PLC0415 - importing the SDK must not load anyio

    return await finish(anyio.to_thread.run_sync(function, *args, limiter=limiter))
