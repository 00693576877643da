"""Bound a transfer by the deadline of the client: all its requests, attempts and pauses together."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Callable, Coroutine, TypeVar

from bluma_async.errors import RequestTimeoutError

if TYPE_CHECKING:
    from bluma_async._session.session import Session

__all__ = ["find_end", "within_deadline"]

T = TypeVar("T")


def find_end(session: Session) -> float | None:
    """Return the end of a transfer that begins now, by the client's clock; None without a deadline."""
    deadline = session.options.deadline
    return None if deadline is None else session.shared.clock.now() + deadline


async def within_deadline(
    session: Session, work: Coroutine[Any, Any, T], name: str, find_remedy: Callable[[], str] = lambda: "Call it again."
) -> T:
    """
    Await a transfer, until the deadline at most. However it ends, it has released what it holds.

    Args:
        session: The session with the deadline.
        work: The transfer.
        name: What it is, for the error: `The upload of 'x.jpg'`.
        find_remedy: Returns what the caller can do if the deadline passes.

    Raises:
        RequestTimeoutError: The deadline has passed.
    """
    deadline = session.options.deadline
    if deadline is None:
        return await work
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait({task}, timeout=deadline)
    finally:
        is_late = not task.done()
        if is_late:
            task.cancel()
            await asyncio.wait({task})
        has_failed = task.cancelled() or task.exception() is not None
    if is_late and has_failed:
        raise RequestTimeoutError(f"{name} was not finished within the deadline of {deadline:g} s. {find_remedy()}")
    return task.result()  # also of a transfer that was finished when it was cancelled
