"""
Create and open files of ours, and nothing that somebody else may have put in their place.

Rule 1: a new file is created exclusively. Nothing that exists is opened, not even through a link that leads nowhere.
Rule 2: an existing file is opened only if it is a regular file with one name and of this user. A second name (a hard
link) can be another file of the user's, whose content would be overwritten.
Rule 3: the opened file is compared with the path afterwards: the path can be exchanged between the check and the
opening. This holds on every system; where there is O_NOFOLLOW, the system refuses a link by itself, too.
Rule 4: nothing here waits for another process: a pipe or device is refused before it is opened.
Rule 5: everything here blocks; call it in a thread.
"""

from __future__ import annotations

import errno
import os
import stat
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["create_file", "describe_kind", "find_facts", "is_ours", "is_same_file", "open_ours", "write_all"]

# Each exists on some systems only: no links, no wait for a pipe, no translation of line ends.
SAFE = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
KINDS = (
    (stat.S_ISLNK, "a symbolic link"),
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def find_facts(path: Path) -> os.stat_result | None:
    """Return the facts about a path itself, without following a link; None if nothing is there."""
    try:
        return path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None


def describe_kind(facts: os.stat_result) -> str | None:
    """Return the kind of a path that is not a regular file, such as "a pipe"; None for a regular file."""
    if stat.S_ISREG(facts.st_mode):
        return None
    return next((name for is_kind, name in KINDS if is_kind(facts.st_mode)), "no regular file")


def is_ours(facts: os.stat_result) -> bool:
    """Return whether a path is a regular file of this user, with one name."""
    is_own = not hasattr(os, "geteuid") or facts.st_uid == os.geteuid()  # Windows has no user ids
    return stat.S_ISREG(facts.st_mode) and facts.st_nlink == 1 and is_own


def is_same_file(path: Path, file: IO[bytes] | int) -> bool:
    """Return whether a path still leads, without a link, to this open file."""
    facts = find_facts(path)
    return facts is not None and os.path.samestat(facts, os.fstat(file if isinstance(file, int) else file.fileno()))


def create_file(path: Path) -> IO[bytes]:
    """
    Create a file, and open it for reading and writing, unbuffered.

    Raises:
        FileExistsError: Something is at the path, a link for example.
        OSError: The system refuses.
    """
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | SAFE, 0o666), "r+b", buffering=0)


def open_ours(path: Path) -> IO[bytes]:
    """
    Open an existing file of ours for reading and writing, unbuffered.

    Raises:
        FileNotFoundError: Nothing is at the path.
        PermissionError: The path is not a regular file of ours, or was exchanged while it was opened.
        OSError: The system refuses.
    """
    if not is_ours(path.lstat()):
        raise _not_ours(path)
    file = os.fdopen(os.open(path, os.O_RDWR | SAFE), "r+b", buffering=0)
    if is_ours(os.fstat(file.fileno())) and is_same_file(path, file):
        return file
    file.close()
    raise _not_ours(path)


def write_all(file: IO[bytes], data: bytes | memoryview) -> None:
    """
    Write bytes to an unbuffered file. A disk that becomes full takes some of them first, without an error.

    Raises:
        OSError: The system refuses.
    """
    left = memoryview(data)
    while left:
        left = left[file.write(left) :]


def _not_ours(path: Path) -> PermissionError:
    return PermissionError(errno.EPERM, "it is not a regular file of this program", str(path))
