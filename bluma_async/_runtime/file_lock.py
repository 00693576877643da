"""
Lock a file, so that only one process at a time uses a resource.

Rule 1: the lock is the operating system's (flock, or LockFileEx on Windows): it ends with its process, however that
ends. A POSIX record lock is not enough: it vanishes as soon as any code of the process opens and closes the file, a
backup for example.
Rule 2: a system without such locks is refused. A lock file that merely exists would outlive its process.
Rule 3: the file is opened without following links, and a forked child neither holds nor releases the lock.
Rule 4: everything here blocks; call it in a thread.
"""

from __future__ import annotations

import contextlib
import inspect
import os
import stat
import weakref
from typing import TYPE_CHECKING, Any

from bluma_async.errors import BlumaError, InvalidArgumentError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["FileLock"]


class FileLock:
    """A lock that this process holds."""

    def __init__(self, lock: Any) -> None:
        self._lock = lock
        _HELD.add(self)

    @classmethod
    def acquire(cls, path: Path) -> FileLock | None:
        """
        Acquire the lock on a file, which is created if it does not exist; None if another holder has it.

        Raises:
            InvalidArgumentError: The path is a link, or no regular file.
            BlumaError: This system has no locks that end with their process.
            OSError: The file cannot be opened.
        """
        import filelock  # noqa: PLC0415 - importing the SDK must not load it

        if filelock.FileLock is filelock.SoftFileLock:
            raise BlumaError(f"{path} cannot be locked: this system has no locks that end with their process.")
        _require_regular(path)
        options: dict[str, Any] = {"thread_local": False, "timeout": 0}
        if "fallback_to_soft" in inspect.signature(filelock.FileLock.__init__).parameters:
            options["fallback_to_soft"] = False
        lock: Any = filelock.FileLock(str(path), **options)
        try:
            lock.acquire()
        except filelock.Timeout:
            return None
        except NotImplementedError as problem:
            raise BlumaError(f"{path} cannot be locked: its file system has no locks. Use a local disk.") from problem
        _require_regular(path)
        return cls(lock)

    def release(self) -> None:
        """Release the lock. Releasing again does nothing."""
        _HELD.discard(self)
        self._lock.release()

    def abandon(self) -> None:
        """Close this process's copy of the file without unlocking it: the lock belongs to the parent process."""
        context = self._lock._context  # noqa: SLF001 - there is no public way; a change fails test_file_lock
        descriptor, context.lock_file_fd = context.lock_file_fd, None
        if descriptor is not None:
            with contextlib.suppress(OSError):
                os.close(descriptor)


def _require_regular(path: Path) -> None:
    """Refuse a link, a device or a folder: an attacker could put one in place of the lock file."""
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISREG(path.lstat().st_mode):
            raise InvalidArgumentError(f"{path} is not a regular file, so it cannot be a lock. Nothing was sent.")


def _abandon_all() -> None:
    for lock in list(_HELD):
        lock.abandon()
    _HELD.clear()


_HELD: weakref.WeakSet[FileLock] = weakref.WeakSet()
if hasattr(os, "register_at_fork"):  # not on Windows, where there is no fork
    os.register_at_fork(after_in_child=_abandon_all)
