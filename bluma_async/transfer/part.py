"""
An unfinished download on disk: the bytes that have arrived, and the version of the file that they belong to.

Rule 1: the bytes are in `FILE.part`; `FILE.part.json` says what they belong to: the video, the ETag and the size of its
file. The file itself appears by a rename after its bytes are flushed to the disk, so it is complete or absent.
Rule 2: bytes of one version are never continued with bytes of another one, or of another video. The version is written
before the first byte: after a crash between the two, bytes without a version would belong to an unknown one. Such bytes
are deleted by the next save, so a file that is in memory as a whole needs no version unless its bytes are kept.
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

from bluma_async._runtime.regular_files import create_file, find_facts, open_ours, write_all
from bluma_async._wire.json_values import parse_json
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

    def __init__(self, target: Path, source: str, paths: tuple[Path, Path] | None = None) -> None:
        """
        Set up a part. Nothing is opened.

        Args:
            target: The path of the file.
            source: Names the file at the server.
            paths: What `part_paths` returns for the target, if that is known.
        """
        self.path: Path
        self.path, self._version_path = paths or part_paths(target)
        self._target = target
        self._source = source
        self._file: IO[bytes] | None = None
        self._is_ours = False
        self._may_have_version = True  # on the disk
        self.held: Held = Held()

    def find(self) -> None:
        """Find the bytes of an earlier download of the same source; without a valid version there are none."""
        with contextlib.suppress(OSError):
            try:
                version = self._read_version()
            except FileNotFoundError:
                self._may_have_version = False
                raise
            if version.tag:
                self._file = open_ours(self.path)
                size = self._file.seek(0, os.SEEK_END)
                self.held = Held(size, version.tag, version.total)
                self._is_ours = True

    def begin(self, place: int, tag: str, total: int | None, *, is_whole: bool = False) -> None:
        """
        Prepare to write at this place; at 0, start over with this version.

        Args:
            place: The place of the next byte.
            tag: The ETag of the version; empty without one.
            total: The size of the file in bytes; None if it is unknown.
            is_whole: Whether all bytes of the file are in memory. Their version is then written by `close` alone, if
                they are kept nevertheless.
        """
        if place == 0 or self._file is None:
            self._start_over(Held(0, tag, total), is_whole=is_whole)
        else:
            self._file.truncate(place)
            self._file.seek(place)

    def write(self, pieces: Sequence[bytes]) -> None:
        """Append bytes."""
        file, held = self._need_file(), self.held
        try:
            _write_pieces(file, pieces)
        except BaseException:
            self.held = Held(max(file.tell(), held.size), held.tag, held.total)
            raise
        self.held = Held(held.size + sum(map(len, pieces)), held.tag, held.total)

    def flush(self) -> None:
        """
        Flush the bytes to the disk.

        Raises:
            OSError: The file has not the bytes that were written: another program has changed it.
        """
        file = self._need_file()
        os.fsync(file.fileno())
        facts, found = os.fstat(file.fileno()), find_facts(self.path)
        if facts.st_size != self.held.size or found is None or not os.path.samestat(facts, found):
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
        self._is_ours = False  # the bytes are the file now
        if self._may_have_version:
            with contextlib.suppress(FileNotFoundError):
                self._version_path.unlink()

    def close(self, *, keep: bool) -> None:
        """Close an unfinished file. Delete its bytes unless they are wanted, or can be continued."""
        self._close()
        if self._is_ours and not self._can_continue() and not keep:
            self.discard()

    def discard(self) -> None:
        """Delete the bytes and their version. Deleting a link deletes nothing else."""
        self._close()
        self.held = Held()
        for path in (self.path, self._version_path):
            with contextlib.suppress(FileNotFoundError):
                path.unlink()
        self._may_have_version = False

    def _start_over(self, version: Held, *, is_whole: bool) -> None:
        self._close()
        self.held = Held()
        if is_whole and not self._may_have_version:
            with contextlib.suppress(FileExistsError):  # then both are deleted
                self._file = create_file(self.path)
        if self._file is None:
            self.discard()
            if not is_whole:
                self._write_version(version)
            self._file = create_file(self.path)
        self.held = version
        self._is_ours = True

    def _can_continue(self) -> bool:
        """Return whether the next save can continue the bytes; write their version if that is missing."""
        if not (self.held.tag and self.held.size):
            return False
        if not self._may_have_version:
            try:
                self._write_version(self.held)
            except OSError:  # the disk is full, for example
                return False
        return True

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
            version: Any = parse_json(text)
            tag, total = version["etag"], version["size"]
            is_valid = version["source"] == self._source and tag.isascii() and tag.isprintable()
        except (ValueError, KeyError, TypeError, AttributeError):
            return Held()  # somebody else has written it
        return Held(0, tag, total if type(total) is int else None) if is_valid else Held()

    def _write_version(self, version: Held) -> None:
        text = json.dumps({"source": self._source, "etag": version.tag, "size": version.total})
        self._may_have_version = True
        with create_file(self._version_path) as file:
            write_all(file, text.encode("ascii"))


def _write_pieces(file: IO[bytes], pieces: Sequence[bytes]) -> None:
    """Write all pieces with one call: each call releases the interpreter lock, and waits to acquire it again."""
    size = sum(map(len, pieces))
    if not size:
        return  # some systems refuse an empty list
    can_write_at_once = hasattr(os, "writev") and len(pieces) <= MAX_PIECES
    written = os.writev(file.fileno(), pieces) if can_write_at_once else 0
    if written < size:
        write_all(file, memoryview(b"".join(pieces))[written:])
