"""
Own the path that a file is saved to, before anything is paid for or downloaded.

Rule 1: a path has one owner. Within this process it is reserved for the whole call; across processes a lock on
`FILE.part.lock` is held while the file is downloaded. The system releases the lock however its process ends, and the
owner deletes the file.
Rule 2: a second owner is refused at once. It does not wait: the first one may take hours, and afterwards the second
one would find a file that it may not replace, or would replace one that was just paid for.
Rule 3: only a regular file is replaced, or nothing. A rename would put a file in the place of a pipe, a device or a
link, and not write to what it leads to.
Rule 4: everything here blocks, except `reserved` and `require_place`.
"""

from __future__ import annotations

import os
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, AsyncGenerator, Dict, Generator, Tuple, Union

from bluma_async._runtime.file_lock import FileLock
from bluma_async._runtime.regular_files import describe_kind, find_facts
from bluma_async._runtime.threads import in_thread
from bluma_async._wire.checks import invalid
from bluma_async._wire.place_checks import is_url, resolve_place
from bluma_async.errors import BlumaError
from bluma_async.transfer.folders import Folder, TriedFolders, probe_folder
from bluma_async.transfer.part import Part, part_paths

if TYPE_CHECKING:
    from bluma_async.transfer.object_place import ObjectPath, ObjectPlace

__all__ = ["AnyPlace", "Place", "Target", "check_place", "require_place", "required", "reserved"]

Key = Tuple[int, str, str]
Target = Union[str, "os.PathLike[str]", "ObjectPath"]


class Place:
    """The path that a file is saved to, owned by one call."""

    def __init__(self, file: str | os.PathLike[str], *, overwrite: bool, option: str = "overwrite=True") -> None:
        if not isinstance(file, (str, os.PathLike)):  # pyright: ignore[reportUnnecessaryIsInstance]  # untyped callers
            raise invalid("path", f"path must be the path of a file, not {file!r}.")
        self.target: Path = file if isinstance(file, Path) else Path(file)
        self._overwrite = overwrite
        self._option = option
        self._part_paths = part_paths(self.target)
        self._lock_path = Path(f"{self.target}.part.lock")
        self._lock: FileLock | None = None
        self._key: Key | None = None

    def reserve(self, *, knows_folder: bool = False) -> None:
        """
        Reserve the path in this process, and make sure that a file can be written to it.

        Args:
            knows_folder: Whether locks are known to work in the folder, as for the second file of a batch. A lock is
                then tried only if its file is there: without the file, nobody holds it.

        Raises:
            InvalidArgumentError: It cannot be written to, or another call or program is writing to it.
        """
        with _explained(self.target):
            folder = _TRIED.find(self.target.parent)
            if folder is None:
                problem: str | None = _describe_missing_folder(self.target)
            else:
                problem = self._find_problem() or self._reserve(folder) or self._try(folder, knows_folder)
            if problem is not None:
                raise invalid("path", problem)

    def open_part(self, source: str) -> Part:
        """Return the bytes that are not yet the file. `source` names the file at the server."""
        return Part(self.target, source, self._part_paths)

    def lock(self) -> None:
        """
        Exclude other processes. The path is checked again: time has passed since it was reserved or required.

        A path that is not reserved yet is reserved first.

        Raises:
            BlumaError: Another call or program is writing to the path, or it cannot be written to any more.
            OSError: The system refuses.
        """
        problem = self._reserve_late() or self._try_lock() or self._find_problem()
        if problem is not None:
            raise BlumaError(f"{problem} Save the video to another path; it is not lost.")

    def require_free(self) -> None:
        """
        Require that a file may still be put at the path.

        Raises:
            BlumaError: Something has been put there meanwhile.
        """
        problem = self._find_target_problem()
        if problem is not None:
            part = str(self._part_paths[0])
            raise BlumaError(f"{problem} It was not there when the save began; the whole video is in {part!r}.")

    def unlock(self) -> None:
        """Let other processes own the path, and delete the lock file."""
        lock, self._lock = self._lock, None
        if lock is not None:
            lock.release(remove=True)

    def give_up(self) -> None:
        """Let other calls of this process own the path."""
        key, self._key = self._key, None
        if key is not None:
            _RESERVED.pop(key, None)

    def _find_problem(self) -> str | None:
        """Return why a file cannot be saved to the path, or None."""
        remedy = "The download needs this name while it is unfinished; move it away, or save to another path."
        others = (_describe_kind_problem(path, find_facts(path), remedy) for path in self._part_paths)
        return self._find_target_problem() or next(filter(None, others), None)

    def _find_target_problem(self) -> str | None:
        facts = find_facts(self.target)
        problem = _describe_kind_problem(self.target, facts, "Give the path of a file.")
        if problem is None and facts and not self._overwrite:
            return f"{str(self.target)!r} is already there; pass {self._option} to replace it."
        return problem

    def _reserve_late(self) -> str | None:
        if self._key is not None:
            return None
        folder = _TRIED.find(self.target.parent)
        return _describe_missing_folder(self.target) if folder is None else self._reserve(folder)

    def _reserve(self, folder: Folder) -> str | None:
        key = (os.getpid(), os.path.normcase(folder.real_path), os.path.normcase(self.target.name))
        if _RESERVED.setdefault(key, self) is not self:  # atomic: blocking clients reserve in several threads
            return _in_use(self.target, "another call of this program")
        self._key = key
        return None

    def _try(self, folder: Folder, knows_folder: bool) -> str | None:
        """Return why the path cannot be locked, or None; write to the folder unless that was tried a moment ago."""
        are_locks_known = knows_folder or folder.is_tried
        try:
            problem = self._try_lock() if not are_locks_known or find_facts(self._lock_path) else None
            if not folder.is_tried:
                probe_folder(folder.path)
                _TRIED.add(folder)
        finally:
            self.unlock()
        return problem

    def _try_lock(self) -> str | None:
        self._lock = FileLock.acquire(self._lock_path)
        return None if self._lock else _in_use(self.target, "another program")


AnyPlace = Union[Place, "ObjectPlace"]


@asynccontextmanager
async def reserved(file: Target, *, overwrite: bool, knows_folder: bool = False) -> AsyncGenerator[AnyPlace, None]:
    """
    Reserve the path of a file, or the name of an object, for this call, without blocking the event loop.

    Args:
        file: The path, also as a `file://` URL, or the URL of an object.
        overwrite: Whether an existing file may be replaced.
        knows_folder: Whether locks are known to work in its folder.

    Raises:
        InvalidArgumentError: It cannot be written to, or another call or program is writing to it. Nothing was sent.
    """
    place = await _open_place(file, overwrite=overwrite)
    try:
        await in_thread(partial(place.reserve, knows_folder=knows_folder))
        yield place
    finally:
        place.give_up()


@asynccontextmanager
async def required(file: Target) -> AsyncGenerator[AnyPlace, None]:
    """
    Open a path that may be replaced and was required before. It is reserved by the save itself, as it locks the path.

    Args:
        file: The path, or the name of an object.
    """
    place = await _open_place(file, overwrite=True)
    try:
        yield place
    finally:
        place.give_up()


async def _open_place(file: Any, *, overwrite: bool) -> AnyPlace:
    file = resolve_place("path", file)
    if is_url(file):
        file = await in_thread(_open_url, file)
    open_place: Any = getattr(file, "open_place", None)
    made: AnyPlace = Place(file, overwrite=overwrite) if open_place is None else open_place(overwrite=overwrite)
    return made


def _open_url(url: str) -> ObjectPath:
    from bluma_async.transfer.object_place import open_path  # noqa: PLC0415 - few programs need it

    return open_path(url)


async def require_place(file: Target, *, overwrite: bool, knows_folder: bool = False) -> None:
    """
    Require a path that a file can be written to, without blocking the event loop.

    Args:
        file: The path.
        overwrite: Whether an existing file may be replaced.
        knows_folder: Whether locks are known to work in its folder.

    Raises:
        InvalidArgumentError: It cannot be written to, or another call or program is writing to it.
    """
    async with reserved(file, overwrite=overwrite, knows_folder=knows_folder):
        pass


def check_place(file: str | os.PathLike[str], *, overwrite: bool, option: str = "overwrite=True") -> None:
    """
    Require a path that a file can be written to, or the URL of an object that can be.

    Args:
        file: The path or the URL.
        overwrite: Whether an existing file may be replaced.
        option: How the caller's interface spells the permission to replace it, for the error.

    Raises:
        InvalidArgumentError: It cannot be written to, or another call or program is writing to it.
    """
    place: AnyPlace
    found = resolve_place("path", file)
    if is_url(found):
        place = _open_url(str(found)).open_place(overwrite=overwrite, option=option)
    else:
        place = Place(found, overwrite=overwrite, option=option)
    try:
        place.reserve()
    finally:
        place.give_up()


def _describe_missing_folder(target: Path) -> str:
    return f"There is no folder {str(target.parent)!r} to write to."


def _describe_kind_problem(path: Path, facts: os.stat_result | None, remedy: str) -> str | None:
    kind = describe_kind(facts) if facts else None
    return f"{str(path)!r} is {kind}, not a file, and was left as it is. {remedy}" if kind else None


def _in_use(target: Path, owner: str) -> str:
    return f"{str(target)!r} is being saved by {owner}. Wait until that has ended, or save to another path."


@contextmanager
def _explained(target: Path) -> Generator[None, None, None]:
    """Turn an error of the system into the error for an invalid path."""
    try:
        yield
    except BlumaError:
        raise
    except OSError as problem:
        reason = problem.strerror or problem
        raise invalid(
            "path", f"{str(target)!r} cannot be written: {reason}. Make that possible, or choose another path."
        ) from problem
    except ValueError as problem:  # a null byte, or text that the file system cannot encode
        raise invalid("path", f"{str(target)!r} is not a valid path: {problem}.") from problem


_RESERVED: Dict[Key, Place] = {}
_TRIED = TriedFolders()
