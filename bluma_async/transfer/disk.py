"""Use the disk without blocking the event loop."""

from __future__ import annotations

from typing import Any, Callable

from bluma_async._runtime.threads import in_thread
from bluma_async.errors import BlumaError

__all__ = ["use_disk"]


async def use_disk(path: str, remedy: str, function: Callable[..., Any], *args: Any) -> Any:
    """
    Call a function that uses the disk, in a thread.

    Args:
        path: The file, for errors that do not name one.
        remedy: What the caller can do if the disk refuses.
        function: The function.
        *args: Its arguments.

    Raises:
        BlumaError: The operating system refused, for example because the disk is full; that is its cause.
    """
    try:
        return await in_thread(function, *args)
    except OSError as problem:
        where = problem.filename or path
        raise BlumaError(f"{where!r} could not be written: {problem.strerror or problem}. {remedy}") from problem
