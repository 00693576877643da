"""
Copy a file to the standard output, or to another pipe.

Rule 1: every byte is written, or the command fails: the system may take only a part of them, and without a buffer
(PYTHONUNBUFFERED) Python passes that on.
Rule 2: the writing is in a thread that is not awaited after a signal: a reader that has stopped reading could otherwise
not be left. It holds no lock of `sys.stdout`, which the interpreter would need at its end.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from bluma_async._runtime.threads import in_thread, in_thread_or_leave

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
            await in_thread_or_leave(_write_all, descriptor, chunk)
    finally:
        stream.close()


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
