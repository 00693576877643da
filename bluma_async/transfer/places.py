"""Check that a file can be written, before anything is paid for or downloaded."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bluma_async._wire.checks import invalid
from bluma_async.transfer.disk import use_disk

if TYPE_CHECKING:
    import os

__all__ = ["check_place", "require_place"]


async def require_place(file: str | os.PathLike[str], *, overwrite: bool) -> None:
    """
    Require a path that a file can be written to, without blocking the event loop.

    Args:
        file: The path.
        overwrite: Whether an existing file may be replaced.

    Raises:
        InvalidArgumentError: The file exists, it is a folder, or its folder does not exist.
    """
    await use_disk(lambda: check_place(file, overwrite=overwrite))


def check_place(file: str | os.PathLike[str], *, overwrite: bool, option: str = "overwrite=True") -> None:
    """
    Require a path that a file can be written to.

    Args:
        file: The path.
        overwrite: Whether an existing file may be replaced.
        option: How the caller's interface spells the permission to replace it, for the error.

    Raises:
        InvalidArgumentError: The file exists, it is a folder, or its folder does not exist.
    """
    target = Path(file)
    if not target.parent.is_dir():
        raise invalid("path", f"There is no folder {str(target.parent)!r} to write to.")
    if target.is_dir():
        raise invalid("path", f"{str(target)!r} is a folder, not a file.")
    if target.exists() and not overwrite:
        raise invalid("path", f"{str(target)!r} is already there; pass {option} to replace it.")
