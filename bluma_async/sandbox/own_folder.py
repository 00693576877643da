"""
A temporary folder of one process.

Rule: only the process that made the folder removes it. A forked child inherits the functions that remove it at exit.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from pathlib import Path

__all__ = ["OwnFolder"]


class OwnFolder:
    """A new folder, until `remove`, or until the end of the program."""

    def __init__(self, prefix: str) -> None:
        self.path: Path = Path(tempfile.mkdtemp(prefix=prefix))
        self._finalizer = weakref.finalize(self, _remove, self.path, os.getpid())

    def remove(self) -> None:
        """Remove the folder; a program in another process may still be using it."""
        self._finalizer()


def _remove(path: Path, maker: int) -> None:
    if os.getpid() == maker:
        shutil.rmtree(path, ignore_errors=True)
