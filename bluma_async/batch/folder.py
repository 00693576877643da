"""
The place for the files of a batch: a folder of this machine, or the objects below a prefix of an object store.

Rule 1: that files can be written is tried before anything is billed.
Rule 2: a journal records the whole path or URL of each file, so that a file is found again wherever the next run saves.
Rule 3: the objects of a store are listed once for each run. One that is not in that list is asked for by itself. A
process that lives on (`unlisted`) asks for each: objects come and go while it runs.
Rule 4: everything here blocks, except `require` and `look`.
"""

from __future__ import annotations

import os
import secrets
import shutil
from typing import TYPE_CHECKING, Dict, Union

import attrs

from bluma_async._runtime.threads import in_thread
from bluma_async._wire.checks import invalid
from bluma_async._wire.place_checks import is_url, require_path, resolve_place
from bluma_async.batch.keys import SUFFIX, build_file_name
from bluma_async.errors import InvalidArgumentError
from bluma_async.transfer.folders import probe_folder
from bluma_async.transfer.object_place import ObjectPath, find_object_size, probe_prefix
from bluma_async.transfer.object_stores import ObjectStore, build_url, find_key, open_store
from bluma_async.transfer.places import check_place

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Files", "LocalFiles", "ObjectFiles", "open_files"]


@attrs.frozen
class LocalFiles:
    """The files in a folder of this machine."""

    folder: Path

    def __str__(self) -> str:
        return str(self.folder)

    def build_path(self, key: str) -> Path:
        """Return the path of a job's file."""
        return self.folder / build_file_name(key)

    def has_file(self, key: str) -> bool:
        """Return whether something has the name of a job's file."""
        return os.path.lexists(self.build_path(key))

    def has_any_file(self) -> bool:
        """Return whether the folder has a file that could be a job's."""
        return any(self.folder.glob(f"*{SUFFIX}"))

    def is_complete(self, path: str | None, size: int | None) -> bool:
        """Return whether a file exists and has its full size."""
        return _is_complete(path, size)

    def measure_free(self) -> int | None:
        """Return the free bytes where the folder is, or will be created."""
        place = os.path.abspath(self.folder)  # noqa: PTH100 - `resolve` would fail for some folders that do not exist
        while not os.path.exists(place):  # noqa: PTH110 - as above
            place = os.path.dirname(place)  # noqa: PTH120 - as above
        return shutil.disk_usage(place).free

    def unlisted(self) -> LocalFiles:
        """Return the same files: they are looked at one by one."""
        return self

    async def look(self) -> None:
        """Do nothing: files are looked at one by one."""

    async def require(self) -> None:
        """
        Require a folder that files can be written to, and in which locks work; create it if it is missing.

        Raises:
            InvalidArgumentError: The folder cannot be created or written to.
            BlumaError: Its file system has no locks.
        """
        await in_thread(self._require)

    def _require(self) -> None:
        folder = self.folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
            probe_folder(folder)
        except OSError as problem:
            raise _cannot_write(str(folder), problem) from problem
        # As if a file were saved: that needs locks. Each process uses a name of its own, so that none excludes another.
        check_place(folder / f".bluma-{secrets.token_hex(8)}", overwrite=True)


@attrs.define
class ObjectFiles:
    """The objects below a prefix of a store."""

    store: ObjectStore
    prefix: str
    is_listed: bool = True
    _sizes: Dict[str, int] | None = None

    def __str__(self) -> str:
        return build_url(self.store.root, self.prefix)

    def build_path(self, key: str) -> ObjectPath:
        """Return the name of a job's object."""
        return ObjectPath(self.store, f"{self.prefix}/{build_file_name(key)}".lstrip("/"))

    def has_file(self, key: str) -> bool:
        """Return whether there is an object with the name of a job's file; in a list, when the run began."""
        path = self.build_path(key)
        return path.key in self._list() if self.is_listed else self._find_size(path) is not None

    def has_any_file(self) -> bool:
        """Return whether there was an object that could be a job's when the run began."""
        return any(name.endswith(SUFFIX) for name in self._list())

    def is_complete(self, path: str | None, size: int | None) -> bool:
        """Return whether an object exists and has its full size."""
        key = find_key(self.store.root, path) if self.is_listed else None
        return (key is not None and self._list().get(key) == size) or _is_complete(path, size)

    def measure_free(self) -> int | None:
        """Return None: a store does not say how much room it has."""
        return None

    def unlisted(self) -> ObjectFiles:
        """Return the same objects, each of which is asked for by itself."""
        return ObjectFiles(self.store, self.prefix, is_listed=False)

    async def look(self) -> None:
        """
        List the objects.

        Raises:
            InvalidArgumentError: The store refuses.
        """
        await in_thread(self._look)

    async def require(self) -> None:
        """
        Require that objects can be written, read and deleted below the prefix, and list them if lists are used.

        Raises:
            InvalidArgumentError: The store refuses one of these.
        """
        await in_thread(self._require)

    def _list(self) -> Dict[str, int]:
        if self._sizes is None:
            self._look()
        return self._sizes or {}

    def _find_size(self, path: ObjectPath) -> int | None:
        try:
            return self.store.find_size(path.key)
        except OSError as problem:
            raise _cannot_write(str(self), problem) from problem

    def _look(self) -> None:
        try:
            self._sizes = self.store.list_sizes(self.prefix)
        except OSError as problem:
            raise _cannot_write(str(self), problem) from problem

    def _require(self) -> None:
        try:
            probe_prefix(self.store, self.prefix)
        except OSError as problem:
            raise _cannot_write(str(self), problem) from problem
        if self.is_listed:
            self._look()


Files = Union[LocalFiles, ObjectFiles]


def open_files(out: str | os.PathLike[str] | None) -> Files | None:
    """
    Return where files are saved to; None for None. Nothing is read or sent.

    Raises:
        InvalidArgumentError: It is neither a path nor a URL of a store.
    """
    if out is None:
        return None
    place = resolve_place("out", out)
    if isinstance(place, str) and is_url(place):
        return ObjectFiles(*open_store("out", place))
    return LocalFiles(require_path("out", place))


def _is_complete(path: str | None, size: int | None) -> bool:
    try:
        place = resolve_place("path", path)
        if place is None or not is_url(place):
            return place is not None and os.stat(place).st_size == size  # noqa: PTH116 - called once for each job
        return find_object_size(str(place)) == size
    except (OSError, InvalidArgumentError):  # also a store that cannot be used any more
        return False


def _cannot_write(place: str, problem: OSError) -> InvalidArgumentError:
    return invalid("out", f"Nothing can be written to {place!r}: {problem.strerror or problem}.")
