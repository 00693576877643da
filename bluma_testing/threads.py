"""Run a coroutine beside the caller's event loop, whichever state that is in."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Coroutine, TypeVar

__all__ = ["run_in_thread"]

T = TypeVar("T")


def run_in_thread(work: Coroutine[Any, Any, T]) -> T:
    """
    Run a coroutine to its end in an event loop of its own, in a thread of its own.

    Not `asyncio.run` in this thread: it would remove the event loop that a test plugin has set here.
    """
    with ThreadPoolExecutor(max_workers=1) as pool:
        return pool.submit(asyncio.run, work).result()
