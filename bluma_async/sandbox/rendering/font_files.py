"""
The fonts: the one that is part of the package, and those of the machine; and which characters a file has.

The bundled font has Latin, Greek and Cyrillic. A font of the machine is looked for only when a text has a character
that it lacks. Pillow does not tell which characters a font has, and draws a box for the others, so the table is read.
"""

from __future__ import annotations

import os
import struct
import sys
from bisect import bisect_right
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO, Dict, Iterator, List, Optional, Sequence, Tuple

__all__ = ["BUNDLED", "covers", "find_emoji_font", "find_font", "list_fonts", "read_ranges"]

BUNDLED = Path(__file__).parent / "fonts" / "NotoSans-subset.ttf"
SUFFIXES = (".ttf", ".otf", ".ttc", ".otc")
COLOUR_TABLES = ("CBDT", "COLR", "sbix")
# A name with an earlier word is preferred; the last resort is any other file.
PREFERRED = ("notosanscjk", "notosans", "notonaskh", "dejavusans", "arialunicode", "segoeui", "arial")
AVOIDED = (
    "bold",
    "italic",
    "oblique",
    "mono",
    "serif",
    "condensed",
    "black",
    "thin",
    "light",
    "fallback",
    "lastresort",
)
Range = Tuple[int, int]  # first and last character


def _list_folders() -> List[Path]:
    if sys.platform == "darwin":
        return [Path("/System/Library/Fonts"), Path("/Library/Fonts"), *_list_in_home("Library/Fonts")]
    if sys.platform == "win32":
        return [Path(os.environ.get("WINDIR", "C:/Windows")) / "Fonts"]
    shared = [Path("/usr/share/fonts"), Path("/usr/local/share/fonts")]
    return [*shared, *_list_in_home(".local/share/fonts", ".fonts")]


def _list_in_home(*names: str) -> List[Path]:
    try:
        home = Path.home()
    except (RuntimeError, KeyError):  # there is none: RuntimeError, or KeyError on Python 3.8
        return []
    return [home / name for name in names]


@lru_cache(maxsize=None)
def list_fonts() -> Tuple[Path, ...]:
    """Return the font files of the machine, the preferred ones first."""
    found = [
        Path(folder, name)
        for root in _list_folders()
        for folder, _, names in os.walk(root)
        for name in names
        if name.lower().endswith(SUFFIXES)
    ]
    return tuple(sorted(found, key=_rank))


def _rank(path: Path) -> Tuple[int, int, str]:
    name = path.stem.lower().replace(" ", "").replace("-", "")
    preferred = next((index for index, word in enumerate(PREFERRED) if name.startswith(word)), len(PREFERRED))
    return sum(word in name for word in AVOIDED), preferred, path.name


@lru_cache(maxsize=None)
def find_font(letter: str) -> Optional[Path]:
    """Return the file of a font that has a character: the bundled one, or one of the machine; None if none has it."""
    return next((path for path in (BUNDLED, *list_fonts()) if covers(path, letter) and not _is_colour(path)), None)


@lru_cache(maxsize=None)
def find_emoji_font() -> Optional[Path]:
    """Return the file of a font with coloured emoji, or None."""
    return next((path for path in list_fonts() if "emoji" in path.stem.lower() and _is_colour(path)), None)


def covers(path: Path, text: str) -> bool:
    """Return whether a font has all characters of a text."""
    starts, ends = _load(path)[0]
    for letter in text:
        index = bisect_right(starts, ord(letter)) - 1
        if index < 0 or ends[index] < ord(letter):
            return False
    return True


def _is_colour(path: Path) -> bool:
    return _load(path)[1]


@lru_cache(maxsize=None)
def _load(path: Path) -> Tuple[Tuple[Sequence[int], Sequence[int]], bool]:
    """Return the starts and ends of the ranges of characters, and whether the font is coloured; nothing for no font."""
    try:
        with path.open("rb") as file:
            tables = _read_tables(file)
            ranges = sorted(read_ranges(_read_table(file, tables["cmap"])))
    except (OSError, KeyError, ValueError, struct.error):
        return ((), ()), False
    is_colour = any(name in tables for name in COLOUR_TABLES)
    return ([first for first, _ in ranges], [last for _, last in ranges]), is_colour


def _read_tables(file: BinaryIO) -> Dict[str, Range]:
    """Return the offset and the length of each table; of a collection, those of its first font."""
    begin = 0
    head = file.read(16)
    if head[:4] == b"ttcf":
        (begin,) = struct.unpack(">I", head[12:16])
    file.seek(begin + 4)
    (count,) = struct.unpack(">H", file.read(2))
    file.seek(begin + 12)
    entries = struct.iter_unpack(">4s4xII", file.read(16 * count))
    return {tag.decode("latin-1"): (offset, length) for tag, offset, length in entries}


def _read_table(file: BinaryIO, place: Range) -> bytes:
    file.seek(place[0])
    return file.read(place[1])


def read_ranges(table: bytes) -> Iterator[Range]:
    """Yield the ranges of characters in a `cmap` table: of its 32-bit subtable, or else of its 16-bit one."""
    (count,) = struct.unpack_from(">H", table, 2)
    offsets = [struct.unpack_from(">HHI", table, 4 + 8 * index)[2] for index in range(count)]
    formats = {struct.unpack_from(">H", table, offset)[0]: offset for offset in offsets}
    if 12 in formats:
        return _read_format_12(table, formats[12])
    return _read_format_4(table, formats[4])


def _read_format_12(table: bytes, begin: int) -> Iterator[Range]:
    (count,) = struct.unpack_from(">I", table, begin + 12)
    for first, last, _ in struct.iter_unpack(">III", table[begin + 16 : begin + 16 + 12 * count]):
        yield first, last


def _read_format_4(table: bytes, begin: int) -> Iterator[Range]:
    (length,) = struct.unpack_from(">H", table, begin + 6)  # bytes of each of the four lists
    lists = [
        struct.unpack_from(f">{length // 2}H", table, begin + 14 + length * index + (2 if index else 0))
        for index in range(4)
    ]
    for index, (last, first, delta, place) in enumerate(zip(*lists)):
        if not place:
            yield first, last
            continue
        glyphs = begin + 16 + 3 * length + 2 * index + place
        for letter in range(first, last + 1):
            (glyph,) = struct.unpack_from(">H", table, glyphs + 2 * (letter - first))
            if (glyph + delta) % 65536 if glyph else 0:
                yield letter, letter
