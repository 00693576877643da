"""The folder that files are saved to, and the files in it."""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING

from bluma_async._runtime.threads import in_thread
from bluma_async._wire.checks import invalid
from bluma_async.transfer.places import check_place, probe_folder

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["is_complete", "require_folder"]


async def require_folder(folder: Path) -> None:
    """
    Require a folder that files can be written to, and in which locks work; create it if it is missing.

    Raises:
        InvalidArgumentError: The folder cannot be created or written to.
        BlumaError: Its file system has no locks.
    """
    await in_thread(_require_folder, folder)


def is_complete(path: str | None, size: int | None) -> bool:
    """Return whether a file exists and has its full size. Blocks: call it in a thread."""
    try:
        return path is not None and os.stat(path).st_size == size  # noqa: PTH116 - called once for each job
    except OSError:
        return False


def _require_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe_folder(folder)
    except OSError as problem:
        raise invalid("out", f"Nothing can be written to {str(folder)!r}: {problem.strerror or problem}.") from problem
    # As if a file were saved: that needs locks. Each process uses a name of its own, so that none excludes another one.
    check_place(folder / f".bluma-{secrets.token_hex(8)}", overwrite=True)
