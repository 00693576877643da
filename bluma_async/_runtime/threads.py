"""Do something that blocks, such as with the disk, in a thread."""

from __future__ import annotations

import asyncio
from typing import Any, Callable

__all__ = ["in_thread"]


async def in_thread(function: Callable[..., Any], *args: Any) -> Any:
    """Call a function in a thread, to its end even if cancelled: else it would open what is just being closed."""
    import anyio.to_thread  # noqa: PLC0415 - importing the SDK must not load anyio

    work = asyncio.ensure_future(anyio.to_thread.run_sync(function, *args))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        await asyncio.wait([work])
        _ = work.cancelled() or work.exception()
        raise
