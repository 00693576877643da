"""
Try whether files can be written to a folder.

Rule 1: that is tried, not guessed from permissions; the trial leaves nothing behind.
Rule 2: a trial holds for a second, since a batch asks twice for each job. It does not hold if the folder is another
one, or its permissions, its owner or the user of this process have changed, or if its disk has become read-only or
almost full. Whatever else has changed within that second, a quota for example, is reported by the write itself.
Rule 3: everything here blocks.
"""

from __future__ import annotations

import os
import secrets
import stat
import time
from typing import TYPE_CHECKING, Callable, Dict, Tuple

import attrs

from bluma_async._runtime.regular_files import create_file, write_all

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Folder", "TriedFolders", "probe_folder"]

PROBE = b"\0" * 4096  # an empty file can be created on a full disk
HOLDS = 1.0  # seconds
LITTLE_ROOM = 2**26  # bytes; with less, each file is preceded by a trial
MOST_FOLDERS = 100
Identity = Tuple[int, ...]


@attrs.frozen
class Folder:
    """
    A folder that exists.

    Attributes:
        path: Its path, as the caller spells it.
        real_path: Its path without links.
        is_tried: Whether files could be written to it a moment ago.
        identity: Changes if it becomes another folder, or other permissions apply to it.
    """

    path: Path
    real_path: str
    is_tried: bool
    identity: Identity


class TriedFolders:
    """The folders of this process that were tried a moment ago."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._tried: Dict[str, Tuple[float, Folder]] = {}  # without a lock: threads get and set whole entries

    def find(self, path: Path) -> Folder | None:
        """
        Return a folder; None if there is none at the path.

        Raises:
            OSError: The system refuses.
        """
        try:
            facts = path.stat()
        except (FileNotFoundError, NotADirectoryError, ValueError):
            return None
        if not stat.S_ISDIR(facts.st_mode):
            return None
        identity = (facts.st_dev, facts.st_ino, facts.st_mode, facts.st_uid, facts.st_gid, _find_user())
        tried_at, folder = self._tried.get(str(path), (0.0, None))
        if folder is None or folder.identity != identity or self._now() >= tried_at + HOLDS or not _has_room(path):
            return Folder(path, os.path.realpath(path), is_tried=False, identity=identity)
        return folder

    def add(self, folder: Folder) -> None:
        """Note that files can be written to a folder, and that locks work in it."""
        if len(self._tried) >= MOST_FOLDERS:
            self._tried.clear()
        self._tried[str(folder.path)] = self._now(), attrs.evolve(folder, is_tried=True)


def probe_folder(folder: Path) -> None:
    """
    Write a few bytes to a folder, and delete them.

    Raises:
        OSError: Nothing can be written to it.
    """
    path = folder / f".bluma-{secrets.token_hex(8)}"
    with create_file(path) as file:
        try:
            if os.name == "posix":
                path.unlink()  # nothing stays, however this process ends
            write_all(file, PROBE)
        finally:
            if os.name != "posix":
                file.close()
                path.unlink()


def _find_user() -> int:
    return os.geteuid() if hasattr(os, "geteuid") else 0  # Windows has no user ids


def _has_room(folder: Path) -> bool:
    """Return whether a disk is certainly writable and far from full."""
    if not hasattr(os, "statvfs"):  # on Windows
        return False
    disk = os.statvfs(folder)
    has_files = not disk.f_files or disk.f_favail > 0  # some file systems do not count files
    return has_files and disk.f_bavail * disk.f_frsize >= LITTLE_ROOM and not disk.f_flag & os.ST_RDONLY
