"""
Check the container of an MP4 file: ISO 14496-12, section 4.2.

A file is a sequence of boxes. Each begins with its size (4 bytes, or 8 after the type if these are 1) and its type
(4 characters); a size of 0 means that the last box reaches to the end of the file. A whole MP4 begins with `ftyp`, has
its index in `moov` and its pictures and sound in `mdat`, and its last box ends where the file ends.

Rule 1: pure, apart from the function that reads the file.
Rule 2: the boxes are not decoded, only measured. A file that was cut, or joined from two files, is found; a bad picture
is not.
"""

from __future__ import annotations

from typing import Callable, Iterator, Tuple

__all__ = ["find_defect", "is_marked_mp4"]

Read = Callable[[int, int], bytes]  # (place, count) -> the bytes there, fewer at the end of the file
MOST_BOXES = 2**16  # a fragmented film of hours has some thousands; a hostile file could have a billion
PRINTABLE = 0x20  # types are text, in Latin-1
NEEDED = (b"ftyp", b"moov", b"mdat")
Box = Tuple[bytes, int, int]  # type, the place of its content, the place of its end


class _DefectError(Exception):
    """The boxes do not fit together."""


def find_defect(read: Read, size: int) -> str | None:
    """
    Return why a file is not a whole MP4, or None if it is one.

    Args:
        read: Reads the file.
        size: Its size in bytes.
    """
    try:
        boxes = list(_walk(read, 0, size))
        for kind, begin, end in boxes:
            if kind == b"moov":
                list(_walk(read, begin, end))
    except _DefectError as defect:
        return str(defect)
    kinds = [kind for kind, _, _ in boxes]
    missing = [kind.decode() for kind in NEEDED if kind not in kinds]
    if kinds[:1] != [b"ftyp"]:
        return "it does not begin like an MP4"
    return f"it has no {missing[0]} box" if missing else None


def is_marked_mp4(beginning: bytes) -> bool:
    """Return whether the first bytes of a file have the mark that each MP4 has."""
    return beginning[4:8] == b"ftyp"


def _walk(read: Read, place: int, end: int) -> Iterator[Box]:
    """Yield the boxes between two places; they must fill the space."""
    for _ in range(MOST_BOXES):
        if place == end:
            return
        box = _read_box(read(place, 16), place, end)
        yield box
        place = box[2]
    raise _DefectError(f"it has more than {MOST_BOXES} boxes")


def _read_box(head: bytes, place: int, end: int) -> Box:
    size, kind, begin = int.from_bytes(head[:4], "big"), head[4:8], place + 8
    if size == 1:
        size, begin = int.from_bytes(head[8:16], "big"), place + 16
    elif size == 0:
        size = end - place
    if len(kind) < 4 or place + size > end:
        raise _DefectError(f"its box at byte {place} is cut off")
    if begin > place + size or min(kind) < PRINTABLE:
        raise _DefectError(f"it has no box at byte {place}")
    return kind, begin, place + size
