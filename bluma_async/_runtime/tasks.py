"""
Work that must not stop halfway, work with a time limit, and several pieces of work at once.

Rule: a cancellation always ends the work. asyncio's own `wait_for` (before Python 3.12) loses one that comes together
with the result, and its `gather` one that comes together with an error.
"""

from __future__ import annotations

import asyncio
from typing import Any, Awaitable, Coroutine, List, TypeVar

__all__ = ["finish", "finish_within", "gather", "within"]

T = TypeVar("T")


async def finish(work: Coroutine[Any, Any, T]) -> T:
    """Await work; if the caller is cancelled, finish the work first."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        task.add_done_callback(lambda done: done.cancelled() or done.exception())  # also after a second cancellation
        await asyncio.wait([task])
        raise


async def finish_within(seconds: float, work: Coroutine[Any, Any, T]) -> T:
    """Await work; if the caller is cancelled, give it so many seconds to finish, and cancel it then."""
    task = asyncio.ensure_future(work)
    task.add_done_callback(lambda done: done.cancelled() or done.exception())  # a second cancellation leaves it alone
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task], timeout=seconds)
        task.cancel()
        await asyncio.wait([task])
        raise


async def within(seconds: float | None, work: Awaitable[T]) -> T:
    """
    Await work for at most so many seconds; None sets no limit.

    The work must not `finish` something: it is cancelled again and again until it ends.

    Raises:
        TimeoutError: The work has not ended by then; it was cancelled.
    """
    import anyio  # noqa: PLC0415 - importing the SDK must not load anyio

    with anyio.fail_after(seconds):
        return await work


async def gather(*work: Coroutine[Any, Any, T]) -> List[T]:
    """Await some work, at least one piece, all at once; return the results. The first error ends the other pieces."""
    tasks = [asyncio.ensure_future(one) for one in work]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    finally:
        for task in tasks:
            task.cancel()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
    errors = [end for end in ends if isinstance(end, BaseException)]
    if errors:
        raise next((error for error in errors if not isinstance(error, asyncio.CancelledError)), errors[0])
    return [task.result() for task in tasks]
