"""Return the running event loop, or raise an error that names the supported ways to run the client."""

from __future__ import annotations

import asyncio

from bluma_async.errors import BlumaError

__all__ = ["get_running_loop"]

NO_LOOP = (
    "The async client needs asyncio, and no asyncio event loop is running here; nothing was sent. With anyio, choose "
    "its asyncio backend. Under trio, call the blocking client in a thread, with trio.to_thread.run_sync."
)


def get_running_loop() -> asyncio.AbstractEventLoop:
    """
    Return the running event loop.

    Raises:
        BlumaError: None is running in this thread, as under trio.
    """
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        raise BlumaError(NO_LOOP) from None
