"""
Write an object while its bytes arrive, and decide at the end whether it appears.

Rule 1: the store reads the bytes from an iterator, in a thread of its own. Nothing is under the object's name before
`finish`. `abort` raises an exception in the iterator, which makes the store abort the upload and delete its parts.
Rule 2: bytes wait for the store, not in memory: one piece at a time.
Rule 3: what is needed to check the file afterwards is kept on its way: its first bytes, and the heads of its boxes.
"""

from __future__ import annotations

import heapq
import threading
from typing import TYPE_CHECKING, Dict, Iterator, List, Tuple

if TYPE_CHECKING:
    from bluma_async.transfer.object_stores import ObjectStore

__all__ = ["ObjectUpload", "Sampler"]

ABORT_WAIT = 5.0  # seconds; a store that does not answer ends the upload by itself, later
BEGINNING = 512
HEAD = 16  # bytes of the head of a box
MOST_HEADS = 2**17


class _AbortedError(Exception):
    """The bytes end here, and the object must not appear."""


class ObjectUpload:
    """One upload. Its methods block, and are called one at a time."""

    def __init__(self, store: ObjectStore, key: str) -> None:
        """Begin it."""
        self._store = store
        self._key = key
        self._changed = threading.Condition()
        self._piece: bytes | None = None
        self._is_complete = False
        self._is_aborted = False
        self._has_ended = False
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="bluma upload", daemon=True)
        self._thread.start()

    def write(self, piece: bytes) -> None:
        """
        Append bytes; return when the store is about to take them.

        Raises:
            OSError: The store refuses.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._piece is None or self._has_ended)
            self._raise_error()
            self._piece = piece
            self._changed.notify_all()

    def finish(self) -> None:
        """
        Make the object appear.

        Raises:
            OSError: The store refuses. There is no object.
        """
        with self._changed:
            self._is_complete = True
            self._changed.notify_all()
        self._thread.join()
        self._raise_error()

    def abort(self) -> None:
        """End the upload without an object."""
        with self._changed:
            self._is_aborted = True
            self._changed.notify_all()
        self._thread.join(ABORT_WAIT)

    def _raise_error(self) -> None:
        error, self._error = self._error, None
        if error is not None:
            raise error

    def _run(self) -> None:
        error: BaseException | None = None
        try:
            self._store.put(self._key, self._read())
        except BaseException as problem:  # noqa: BLE001 - it is raised where the bytes come from
            error = problem
        with self._changed:
            self._has_ended, self._error = True, error
            self._changed.notify_all()

    def _read(self) -> Iterator[bytes]:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._piece is not None or self._is_complete or self._is_aborted)
                if self._is_aborted:
                    raise _AbortedError
                piece, self._piece = self._piece, None
                self._changed.notify_all()
            if piece is None:
                return
            yield piece


class Sampler:
    """Keeps those bytes of a file that its check reads: see `container.py`."""

    def __init__(self) -> None:
        self.size: int = 0
        self._beginning = b""
        self._heads: Dict[int, bytes] = {}
        self._wanted: List[Tuple[int, int]] = [(0, 2**63)]  # the place of a head, and the end of the boxes around it
        self._tail = b""

    def feed(self, piece: bytes) -> None:
        """Look at the next bytes of the file."""
        self._beginning += piece[: BEGINNING - len(self._beginning)]
        seen, start = self._tail + piece, self.size - len(self._tail)
        self.size += len(piece)
        while self._wanted and self._wanted[0][0] + HEAD <= self.size and len(self._heads) < MOST_HEADS:
            place, end = heapq.heappop(self._wanted)
            self._heads[place] = head = seen[place - start : place - start + HEAD]
            self._follow(place, end, head)
        self._tail = seen[-HEAD:]

    def read(self, place: int, count: int) -> bytes:
        """Return bytes at a place that was kept; none at another one."""
        if place == 0:
            return self._beginning[:count]
        at = place - (self.size - len(self._tail))
        return self._heads.get(place) or (self._tail[at : at + count] if at >= 0 else b"")

    def _follow(self, place: int, end: int, head: bytes) -> None:
        """Want the heads of the next box, and of the first one inside `moov`."""
        size, inside = int.from_bytes(head[:4], "big"), place + 8
        if size == 1:
            size, inside = int.from_bytes(head[8:16], "big"), place + 16
        after = end if size == 0 else place + size
        if after < inside:
            return  # no box: the check will say so
        if after < end:
            heapq.heappush(self._wanted, (after, end))
        if head[4:8] == b"moov" and inside < after:
            heapq.heappush(self._wanted, (inside, after))
