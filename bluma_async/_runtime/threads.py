"""Run blocking functions, such as disk operations, in a thread."""

from __future__ import annotations

import asyncio
from typing import Any, Callable

__all__ = ["in_thread"]


async def in_thread(function: Callable[..., Any], *args: Any) -> Any:
    """
    Call a function in a thread, and return its result.

    If the caller is cancelled, the function is awaited first. A thread cannot be interrupted, and one that is still
    running could open a file that the caller is about to close.
    """
    import anyio.to_thread  # noqa: PLC0415 - importing the SDK must not load anyio

    work = asyncio.ensure_future(anyio.to_thread.run_sync(function, *args))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        await asyncio.wait([work])
        _ = work.cancelled() or work.exception()
        raise
