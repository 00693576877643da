"""
Copy a file to the standard output, or to another pipe.

Rule 1: every byte is written, or the command fails: the system may take only a part of them, and without a buffer
(PYTHONUNBUFFERED) Python passes that on.
Rule 2: the writing is in a thread that is not awaited after a signal: a reader that has stopped reading could otherwise
not be left. It holds no lock of `sys.stdout`, which the interpreter would need at its end.
"""

from __future__ import annotations

import asyncio
import os
import time
from typing import TYPE_CHECKING

from bluma_async._runtime.thread_pool import start_in_thread
from bluma_async._runtime.threads import in_thread

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["copy_file"]

CHUNK = 1 << 20
PAUSE = 0.05  # seconds; for an output that does not block, and is full


async def copy_file(file: Path, descriptor: int) -> None:
    """
    Write a file to the descriptor of an output.

    Raises:
        OSError: The output does not take it.
    """
    stream = await in_thread(file.open, "rb")
    try:
        while chunk := await in_thread(stream.read, CHUNK):
            await _write(descriptor, chunk)
    finally:
        stream.close()


async def _write(descriptor: int, data: bytes) -> None:
    """Write bytes in a thread; if cancelled, leave the thread alone."""
    written: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def resolve(_: object, problem: BaseException | None) -> None:
        if written.done():  # it was cancelled
            return
        if problem is None:
            written.set_result(None)
        else:
            written.set_exception(problem)

    start_in_thread(_write_all, (descriptor, data), resolve)
    await written


def _write_all(descriptor: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[_write_some(descriptor, left) :]


def _write_some(descriptor: int, data: memoryview) -> int:
    try:
        return os.write(descriptor, data)
    except BlockingIOError:
        time.sleep(PAUSE)
        return 0
