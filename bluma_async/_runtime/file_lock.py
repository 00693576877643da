"""
Lock a file, so that only one process at a time uses a resource.

Rule 1: the lock is the operating system's (flock, or LockFileEx on Windows): it ends with its process, however that
ends. A POSIX record lock is not enough: it vanishes as soon as any code of the process opens and closes the file, a
backup for example.
Rule 2: a system without such locks is refused. A lock file that merely exists would outlive its process.
Rule 3: the file is opened without following links, and a forked child neither holds nor releases the lock.
Rule 4: a holder may delete the file. A process that opened it before locks a file without a name, which excludes
nobody; therefore the path is compared with the locked file after each acquisition.
Rule 5: everything here blocks; call it in a thread.
"""

from __future__ import annotations

import contextlib
import errno
import inspect
import os
import weakref
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from bluma_async._runtime.regular_files import describe_kind, find_facts, is_same_file
from bluma_async.errors import BlumaError, InvalidArgumentError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["FileLock"]

WITHOUT_LOCKS = (errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK)
MOST_TRIES = 100  # each follows the deletion of the file by a holder that ended at that moment


class FileLock:
    """A lock that this process holds."""

    def __init__(self, lock: Any, path: Path) -> None:
        self._lock = lock
        self._path = path
        _HELD.add(self)

    @classmethod
    def acquire(cls, path: Path) -> FileLock | None:
        """
        Acquire the lock on a file, which is created if it does not exist; None if another holder has it.

        Raises:
            InvalidArgumentError: The path is a link, or no regular file, or a file with a second name.
            BlumaError: This system has no locks that end with their process.
            OSError: The file cannot be opened.
        """
        import filelock  # noqa: PLC0415 - importing the SDK must not load it

        if filelock.FileLock is filelock.SoftFileLock:
            raise BlumaError(f"{path} cannot be locked: this system has no locks that end with their process.")
        for _ in range(MOST_TRIES):
            _require_regular(path)
            lock: Any = filelock.FileLock(str(path), **_options())
            if not _try_acquire(lock, path):
                return None
            if is_same_file(path, lock._context.lock_file_fd):  # noqa: SLF001 - as in `abandon`
                return cls(lock, path)
            lock.release()
        return None

    def release(self, *, remove: bool = False) -> None:
        """
        Release the lock. Releasing again does nothing.

        Args:
            remove: Whether to delete the file too. It is deleted while it is locked; Windows deletes no open file, so
                there the library deletes it after the release, unless another process has opened it.
        """
        _HELD.discard(self)
        descriptor = self._lock._context.lock_file_fd  # noqa: SLF001 - as in `abandon`
        if remove and descriptor is not None:
            with contextlib.suppress(OSError):
                if is_same_file(self._path, descriptor):
                    self._path.unlink()
        self._lock.release()

    def abandon(self) -> None:
        """Close this process's copy of the file without unlocking it: the lock belongs to the parent process."""
        context = self._lock._context  # noqa: SLF001 - there is no public way; a change fails test_file_lock
        descriptor, context.lock_file_fd = context.lock_file_fd, None
        if descriptor is not None:
            with contextlib.suppress(OSError):
                os.close(descriptor)


@lru_cache(maxsize=1)
def _options() -> dict[str, Any]:
    import filelock  # noqa: PLC0415 - importing the SDK must not load it

    options = {"thread_local": False, "timeout": 0}
    if "fallback_to_soft" in inspect.signature(filelock.FileLock.__init__).parameters:
        options["fallback_to_soft"] = False
    return options


def _try_acquire(lock: Any, path: Path) -> bool:
    import filelock  # noqa: PLC0415 - importing the SDK must not load it

    try:
        lock.acquire()
    except filelock.Timeout:
        return False
    except (NotImplementedError, OSError) as problem:
        if isinstance(problem, OSError) and problem.errno not in WITHOUT_LOCKS:
            raise
        raise BlumaError(f"{path} cannot be locked: its file system has no locks. Use a local disk.") from problem
    return True


def _require_regular(path: Path) -> None:
    """Refuse a link, a device or a folder: an attacker could put one in place of the lock file."""
    facts = find_facts(path)
    kind = describe_kind(facts) if facts else None
    if facts and not kind and facts.st_nlink > 1:
        kind = "a file with a second name (a hard link)"
    if kind:
        raise InvalidArgumentError(f"{path} is {kind}, not a regular file, so it cannot be a lock. Nothing was sent.")


def _abandon_all() -> None:
    for lock in list(_HELD):
        lock.abandon()
    _HELD.clear()


_HELD: weakref.WeakSet[FileLock] = weakref.WeakSet()
if hasattr(os, "register_at_fork"):  # not on Windows, where there is no fork
    os.register_at_fork(after_in_child=_abandon_all)
