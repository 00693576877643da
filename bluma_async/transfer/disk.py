"""Use the disk without blocking the event loop."""

from __future__ import annotations

from typing import Any, Callable

from bluma_async._runtime.threads import in_thread
from bluma_async.errors import BlumaError

__all__ = ["use_disk"]


async def use_disk(function: Callable[..., Any], *args: Any) -> Any:
    """
    Call a function that uses the disk, in a thread.

    Raises:
        BlumaError: The operating system refused, for example because the disk is full.
    """
    try:
        return await in_thread(function, *args)
    except OSError as problem:
        where = problem.filename or "the file"
        raise BlumaError(
            f"{where} could not be written: {problem.strerror or problem}. Save it again to continue."
        ) from problem
