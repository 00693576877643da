"""
The bytes of a file that are there so far, and whose bytes they are.

Rule 1: they stand beside the file, as `.part`, with the server's name for this version of it as `.part.etag`. The file
itself appears by a rename, whole and on disk, or not at all.
Rule 2: bytes of one version are never continued with those of another: the name goes before the bytes.
Rule 3: everything here blocks, and is called in a thread.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import IO, Sequence

__all__ = ["Part"]

MOST_AT_ONCE = 1024  # pieces in one call, on Linux


class Part:
    """What is there so far of one file."""

    def __init__(self, target: Path) -> None:
        self._target = target
        self._path = Path(f"{target}.part")
        self._tag_path = Path(f"{target}.part.etag")
        self._file: IO[bytes] | None = None

    def found(self) -> tuple[int, str]:
        """Return how many bytes are there, and their version; 0 unless it is known which they are of."""
        try:
            tag = self._tag_path.read_text(encoding="ascii")
            return (self._path.stat().st_size, tag) if tag else (0, "")
        except (OSError, ValueError):
            return 0, ""

    def open(self, offset: int, tag: str) -> None:
        """Go on behind so many bytes; at 0, begin afresh with this version."""
        self.end()
        if offset == 0:
            with contextlib.suppress(FileNotFoundError):
                self._path.unlink()
            self._tag_path.write_text(tag, encoding="ascii")
        self._file = self._path.open("ab", buffering=0)
        self._file.truncate(offset)

    def write(self, pieces: Sequence[bytes]) -> None:
        """Add bytes."""
        if self._file is not None:
            _write_all(self._file, pieces)

    def end(self) -> None:
        """Let go of the file."""
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def close(self) -> None:
        """Let go of the file before it is whole. What is there stays, if another attempt can know what it is of."""
        self.end()
        if self.found() == (0, ""):
            self.discard()

    def keep(self) -> None:
        """See that all is on disk, and give it the file's name."""
        self.end()
        with self._path.open("rb+") as file:
            os.fsync(file.fileno())
        self._path.replace(self._target)
        self._tag_path.unlink()

    def starts_with(self, mark: bytes, at: int) -> bool:
        """Tell whether these bytes are at this place."""
        with self._path.open("rb") as file:
            file.seek(at)
            return file.read(len(mark)) == mark

    def discard(self) -> None:
        """Leave nothing behind."""
        for path in (self._path, self._tag_path):
            with contextlib.suppress(FileNotFoundError):
                path.unlink()


def _write_all(file: IO[bytes], pieces: Sequence[bytes]) -> None:
    """Write all pieces with one call: each call lets go of the interpreter, and must wait to have it back."""
    size = sum(map(len, pieces))
    is_vector = hasattr(os, "writev") and len(pieces) <= MOST_AT_ONCE
    written = os.writev(file.fileno(), pieces) if is_vector else 0
    left = memoryview(b"".join(pieces))[written:] if written < size else b""
    while left:
        left = left[file.write(left) :]
