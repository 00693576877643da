"""The folder that files are saved to."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING

from bluma_async._runtime.threads import in_thread
from bluma_async._wire.checks import invalid

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["require_folder"]


async def require_folder(folder: Path) -> None:
    """
    See that files can be written there; make the folder if it is not there.

    Raises:
        InvalidArgumentError: They cannot.
    """
    await in_thread(_require_folder, folder)


def _require_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"\0" * 4096)
    except OSError as problem:
        raise invalid("out", f"Nothing can be written to {str(folder)!r}: {problem.strerror or problem}.") from problem
