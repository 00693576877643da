"""
An unfinished download on disk: the bytes that have arrived, and the version of the file that they belong to.

Rule 1: the bytes are in `FILE.part`, the ETag of their version is in `FILE.part.etag`. The file itself appears by a
rename after its bytes are flushed to the disk, so it is complete or absent.
Rule 2: bytes of one version are never continued with bytes of another. The ETag is written before the first byte: after
a crash between the two, bytes without an ETag would belong to an unknown version.
Rule 3: everything here blocks, and is called in a thread.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import IO, Sequence

__all__ = ["Part"]

MAX_PIECES = 1024  # in one call of writev, on Linux


class Part:
    """The unfinished download of one file."""

    def __init__(self, target: Path) -> None:
        self._target = target
        self._path = Path(f"{target}.part")
        self._tag_path = Path(f"{target}.part.etag")
        self._file: IO[bytes] | None = None

    def found(self) -> tuple[int, str]:
        """Return the number of bytes and the ETag of their version; 0 and no ETag if the version is unknown."""
        try:
            tag = self._tag_path.read_text(encoding="ascii")
            return (self._path.stat().st_size, tag) if tag else (0, "")
        except (OSError, ValueError):
            return 0, ""

    def open(self, offset: int, tag: str) -> None:
        """Open the file to continue at this byte; at 0, start over with this version."""
        self.end()
        if offset == 0:
            with contextlib.suppress(FileNotFoundError):
                self._path.unlink()
            self._tag_path.write_text(tag, encoding="ascii")
        self._file = self._path.open("ab", buffering=0)
        self._file.truncate(offset)

    def write(self, pieces: Sequence[bytes]) -> None:
        """Append bytes."""
        if self._file is not None:
            _write_all(self._file, pieces)

    def end(self) -> None:
        """Close the file, if it is open."""
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def close(self) -> None:
        """Close an unfinished file. Delete its bytes unless their version is known: they could not be continued."""
        self.end()
        if self.found() == (0, ""):
            self.discard()

    def keep(self) -> None:
        """Flush the bytes to the disk, and rename them to the file."""
        self.end()
        with self._path.open("rb+") as file:
            os.fsync(file.fileno())
        self._path.replace(self._target)
        self._tag_path.unlink()

    def has_mark(self, mark: bytes, at: int) -> bool:
        """Return whether these bytes are at this place."""
        with self._path.open("rb") as file:
            file.seek(at)
            return file.read(len(mark)) == mark

    def discard(self) -> None:
        """Delete the bytes and their ETag."""
        for path in (self._path, self._tag_path):
            with contextlib.suppress(FileNotFoundError):
                path.unlink()


def _write_all(file: IO[bytes], pieces: Sequence[bytes]) -> None:
    """Write all pieces with one call: each call releases the interpreter lock, and waits to acquire it again."""
    size = sum(map(len, pieces))
    can_write_at_once = hasattr(os, "writev") and len(pieces) <= MAX_PIECES
    written = os.writev(file.fileno(), pieces) if can_write_at_once else 0
    left = memoryview(b"".join(pieces))[written:] if written < size else b""
    while left:
        left = left[file.write(left) :]
