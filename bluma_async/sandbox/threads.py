"""
Run blocking functions, such as file operations, off the event loop.

The sandbox has its own helper instead of the client's: a bug shared by both sides would stay invisible to every test.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any, Callable, TypeVar

__all__ = ["in_thread"]

T = TypeVar("T")


async def in_thread(function: Callable[..., T], *args: Any) -> T:
    """Call a blocking function in the default executor, and return its result."""
    return await asyncio.get_running_loop().run_in_executor(None, partial(function, *args))
