"""
Own the name of an object while a video is saved to it, as `places.py` owns a path and `part.py` its bytes.

Rule 1: an object is whole or absent: it appears when all its bytes have arrived, and are what the API described. One
that has appeared is never deleted: it may be that of another program.
Rule 2: within this process a name is reserved. Stores have no locks for other processes: the last save replaces the
object of an earlier one, as a whole.
Rule 3: that objects can be written, read and deleted is tried before anything is billed. The trial deletes its object.
Rule 4: a broken download continues in the same upload. Bytes are not kept for a later save.
Rule 5: everything here blocks, except that `__init__` of `ObjectPath` and its properties do not.
"""

from __future__ import annotations

import errno
import os
import secrets
from typing import Dict, Sequence, Tuple

import attrs

from bluma_async._wire.checks import invalid
from bluma_async.errors import BlumaError
from bluma_async.transfer.heads import Held
from bluma_async.transfer.object_stores import ObjectStore, build_url, open_store
from bluma_async.transfer.object_upload import ObjectUpload, Sampler

__all__ = ["ObjectPart", "ObjectPath", "ObjectPlace", "find_object_size", "open_path", "probe_prefix"]

PROBE = b"\0" * 4096
Name = Tuple[int, str]


@attrs.frozen
class ObjectPath:
    """The name of an object in an opened store. Its text is its URL."""

    store: ObjectStore
    key: str

    def __str__(self) -> str:
        return build_url(self.store.root, self.key)

    def open_place(self, *, overwrite: bool, option: str = "overwrite=True") -> ObjectPlace:
        """Return the place of a save to this name; `option` is how the caller spells the permission to replace."""
        return ObjectPlace(self, overwrite=overwrite, option=option)


class ObjectPlace:
    """The name of an object, owned by one call."""

    def __init__(self, path: ObjectPath, *, overwrite: bool, option: str = "overwrite=True") -> None:
        self.target: ObjectPath = path
        self._overwrite = overwrite
        self._option = option
        self._name: Name | None = None

    def reserve(self, *, knows_folder: bool = False) -> None:
        """
        Reserve the name in this process, and make sure that an object can be written there.

        Args:
            knows_folder: Whether that was tried before, as for the second file of a batch.

        Raises:
            InvalidArgumentError: It cannot, there is an object, or another call of this process is writing to it.
        """
        if not self._reserve():
            raise invalid("path", f"{str(self.target)!r} is being saved by another call of this program.")
        try:
            problem = self._find_problem()
            if problem is None and not knows_folder:
                probe_prefix(self.target.store, self.target.key.rpartition("/")[0])
        except OSError as refusal:
            reason = f"{str(self.target)!r} cannot be written: {refusal.strerror}."
            raise invalid("path", reason) from refusal
        if problem is not None:
            raise invalid("path", f"{problem}; pass {self._option} to replace it.")

    def open_part(self, _source: str) -> ObjectPart:
        """Return the bytes that are not yet an object."""
        return ObjectPart(self.target)

    def lock(self) -> None:
        """
        Require that there is no object meanwhile. A name that is not reserved yet is reserved first.

        Raises:
            BlumaError: There is one, or another call of this process is writing to it.
            OSError: The store refuses.
        """
        if self._name is None and not self._reserve():
            raise BlumaError(f"{str(self.target)!r} is being saved by another call of this program. It is not lost.")
        self.require_free()

    def require_free(self) -> None:
        """
        Require that an object may still appear under the name.

        Raises:
            BlumaError: There is one meanwhile.
            OSError: The store refuses.
        """
        problem = self._find_problem()
        if problem is not None:
            raise BlumaError(f"{problem}, and was not when the save began. Save the video to another name.")

    def unlock(self) -> None:
        """Do nothing: no other process was excluded."""

    def give_up(self) -> None:
        """Let other calls of this process own the name."""
        name, self._name = self._name, None
        if name is not None:
            _RESERVED.pop(name, None)

    def _reserve(self) -> bool:
        name = (os.getpid(), str(self.target))
        if _RESERVED.setdefault(name, self) is not self:  # atomic: blocking clients reserve in several threads
            return False
        self._name = name
        return True

    def _find_problem(self) -> str | None:
        if self._overwrite or self.target.store.find_size(self.target.key) is None:
            return None
        return f"{str(self.target)!r} is already there"


class ObjectPart:
    """The bytes of an object that has not appeared yet."""

    is_kept = False  # after a save that failed

    def __init__(self, path: ObjectPath) -> None:
        self.path: ObjectPath = path
        self.held: Held = Held()
        self._upload: ObjectUpload | None = None
        self._sampler = Sampler()

    def find(self) -> None:
        """Find nothing: an upload ends with its process."""

    def begin(self, place: int, tag: str, total: int | None, *, is_whole: bool = False) -> None:  # noqa: ARG002 - of a file
        """Prepare to write at this place, which is 0 or behind the last byte; at 0, start over with this version."""
        if place == 0 or self._upload is None:
            self.discard()
            self._upload = ObjectUpload(self.path.store, self.path.key)
            self.held = Held(0, tag, total)

    def write(self, pieces: Sequence[bytes]) -> None:
        """Append bytes."""
        piece = b"".join(pieces)
        self._need_upload().write(piece)
        self._sampler.feed(piece)
        self.held = Held(self.held.size + len(piece), self.held.tag, self.held.total)

    def flush(self) -> None:
        """Do nothing: the store has not promised anything before the end."""

    def read(self, place: int, count: int) -> bytes:
        """Return bytes that the check of the file needs."""
        return self._sampler.read(place, count)

    def keep(self) -> None:
        """
        Let the object appear, and compare its size.

        An object of another size stays: another program may have replaced the one of this save, and there is no delete
        under the condition that it has not.

        Raises:
            OSError: The store refuses, or has another size.
        """
        upload, self._upload = self._need_upload(), None
        upload.finish()
        size = self.path.store.find_size(self.path.key)
        if size != self.held.size:
            found = "no object" if size is None else f"an object of {size} bytes"
            reason = f"the store has {found}, not of {self.held.size}; another program may have put it there"
            raise OSError(errno.EIO, reason, str(self.path))

    def close(self, *, keep: bool) -> None:  # noqa: ARG002 - of a file, bytes can be kept
        """End an unfinished upload."""
        self.discard()

    def discard(self) -> None:
        """Abort the upload: the store deletes what it has of it."""
        upload, self._upload = self._upload, None
        self.held, self._sampler = Held(), Sampler()
        if upload is not None:
            upload.abort()

    def _need_upload(self) -> ObjectUpload:
        if self._upload is None:
            raise OSError(errno.EBADF, "it is not open", str(self.path))
        return self._upload


def open_path(url: str) -> ObjectPath:
    """
    Return the name of an object. Nothing is sent.

    Raises:
        InvalidArgumentError: The URL is invalid, or names a folder; or the store cannot be opened.
    """
    store, key = open_store("path", url)
    if not key or url.endswith("/"):
        raise invalid("path", f"{url!r} must name an object, such as {url.rstrip('/')}/video.mp4.")
    return ObjectPath(store, key)


def probe_prefix(store: ObjectStore, prefix: str) -> None:
    """
    Write a small object below a prefix, read its size, and delete it.

    Raises:
        OSError: The store refuses one of these.
    """
    key = f"{prefix}/.bluma-{secrets.token_hex(8)}".lstrip("/")
    store.put(key, iter([PROBE]))
    size = store.find_size(key)
    store.delete(key)
    if size != len(PROBE):
        raise OSError(errno.EIO, f"a trial object of {len(PROBE)} bytes has {size}", f"{store.root}/{key}")


def find_object_size(url: str) -> int | None:
    """
    Return the size of the object at a URL; None if there is none.

    Raises:
        InvalidArgumentError: The URL is invalid, or the store cannot be opened.
        OSError: The store refuses.
    """
    store, key = open_store("path", url)
    return store.find_size(key)


_RESERVED: Dict[Name, ObjectPlace] = {}
