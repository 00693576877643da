"""
An unfinished download on disk: the bytes that have arrived, and the version of the file that they belong to.

Rule 1: the bytes are in `FILE.part`; `FILE.part.json` says what they belong to: the video, the ETag and the size of its
file. The file itself appears by a rename after its bytes are flushed to the disk, so it is complete or absent.
Rule 2: bytes of one version are never continued with bytes of another one, or of another video. The version is written
before the first byte: after a crash between the two, bytes without a version would belong to an unknown one.
Rule 3: only the owner of the target (`places.py`) uses a part. Both files are created exclusively and opened only if
they are regular files of ours (`_runtime/regular_files.py`). The part stays open from its first byte to its rename, so
that nobody can put another file in its place.
Rule 4: everything here blocks, and is called in a thread.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
from pathlib import Path
from typing import IO, Any, Sequence

from bluma_async._runtime.regular_files import create_file, is_same_file, open_ours, write_all
from bluma_async.transfer.heads import Held

__all__ = ["Part", "part_paths"]

MAX_PIECES = 1024  # in one call of writev, on Linux
LARGEST_VERSION = 2**13  # bytes


def part_paths(target: Path) -> tuple[Path, Path]:
    """Return the paths of the bytes and of their version."""
    return Path(f"{target}.part"), Path(f"{target}.part.json")


class Part:
    """
    The unfinished download of one file.

    Attributes:
        path: The path of the bytes.
        held: The bytes that are on the disk and can be continued, and their version.
    """

    is_kept = True  # after a save that failed

    def __init__(self, target: Path, source: str) -> None:
        self.path: Path
        self.path, self._version_path = part_paths(target)
        self._target = target
        self._source = source
        self._file: IO[bytes] | None = None
        self._is_ours = False
        self.held: Held = Held()

    def find(self) -> None:
        """Find the bytes of an earlier download of the same source; without a valid version there are none."""
        with contextlib.suppress(OSError):
            version = self._read_version()
            if version.tag:
                self._file = open_ours(self.path)
                size = self._file.seek(0, os.SEEK_END)
                self.held = Held(size, version.tag, version.total)
                self._is_ours = True

    def begin(self, place: int, tag: str, total: int | None) -> None:
        """Prepare to write at this place; at 0, start over with this version."""
        if place == 0 or self._file is None:
            self.discard()
            self._write_version(Held(0, tag, total))
            self._file = create_file(self.path)
            self.held = Held(0, tag, total)
            self._is_ours = True
        self._file.truncate(place)
        self._file.seek(place)

    def write(self, pieces: Sequence[bytes]) -> None:
        """Append bytes."""
        file = self._need_file()
        size = self.held.size
        try:
            _write_pieces(file, pieces)
        finally:
            self.held = Held(max(file.tell(), size), self.held.tag, self.held.total)

    def flush(self) -> None:
        """
        Flush the bytes to the disk.

        Raises:
            OSError: The file has not the bytes that were written: another program has changed it.
        """
        file = self._need_file()
        os.fsync(file.fileno())
        if os.fstat(file.fileno()).st_size != self.held.size or not is_same_file(self.path, file):
            raise OSError(errno.EIO, "another program has changed it", str(self.path))

    def read(self, place: int, count: int) -> bytes:
        """Return the bytes at a place."""
        file = self._need_file()
        file.seek(place)
        return file.read(count)

    def keep(self) -> None:
        """Rename the bytes, which are flushed, to the file."""
        self._close()  # Windows renames no open file
        self.path.replace(self._target)
        with contextlib.suppress(FileNotFoundError):
            self._version_path.unlink()

    def close(self, *, keep: bool) -> None:
        """Close an unfinished file. Delete its bytes unless they are wanted, or can be continued."""
        self._close()
        if self._is_ours and not keep and not (self.held.tag and self.held.size):
            self.discard()

    def discard(self) -> None:
        """Delete the bytes and their version. Deleting a link deletes nothing else."""
        self._close()
        self.held = Held()
        for path in (self.path, self._version_path):
            with contextlib.suppress(FileNotFoundError):
                path.unlink()

    def _close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def _need_file(self) -> IO[bytes]:
        if self._file is None:
            raise OSError(errno.EBADF, "it is not open", str(self.path))
        return self._file

    def _read_version(self) -> Held:
        """Return the version of the bytes on disk; one without an ETag if it is unknown."""
        with open_ours(self._version_path) as file:
            text = file.read(LARGEST_VERSION)
        try:
            version: Any = json.loads(text)
            tag, total = version["etag"], version["size"]
            is_valid = version["source"] == self._source and tag.isascii() and tag.isprintable()
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return Held()  # somebody else has written it
        return Held(0, tag, total if type(total) is int else None) if is_valid else Held()

    def _write_version(self, version: Held) -> None:
        text = json.dumps({"source": self._source, "etag": version.tag, "size": version.total})
        with create_file(self._version_path) as file:
            write_all(file, text.encode("ascii"))


def _write_pieces(file: IO[bytes], pieces: Sequence[bytes]) -> None:
    """Write all pieces with one call: each call releases the interpreter lock, and waits to acquire it again."""
    size = sum(map(len, pieces))
    can_write_at_once = hasattr(os, "writev") and len(pieces) <= MAX_PIECES
    written = os.writev(file.fileno(), pieces) if can_write_at_once else 0
    if written < size:
        write_all(file, memoryview(b"".join(pieces))[written:])
