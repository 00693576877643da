"""
Split a text into pieces: the words of a caption, and the parts between which a line may be broken.

A piece ends at a space, or at BREAK, a zero-width space, which no line shows. BREAK is put into scripts without spaces
between words, and into long words. A piece keeps its BREAK, so pieces that are joined are the text again.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Iterable, Iterator, List

__all__ = ["BREAK", "JOINERS", "add_breaks", "can_break", "join_pieces", "split_pieces"]

BREAK = "\u200b"
JOINERS = frozenset("\u200c\u200d")  # of letters and of emoji
PIECE = re.compile(f"[^\\s{BREAK}]+{BREAK}?")
UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uff66-\uff9d]")
ENDS = frozenset("\u3001\u3002\uff01\uff0c\uff1f")  # the punctuation of scripts without spaces
LONGEST_UNSPACED, LONGEST = 5, 18  # characters of a piece
VIRAMA = 9  # the combining class of a sign that joins the letters before and after it
LEADING = frozenset(map(chr, (*range(0x0E40, 0x0E45), *range(0x0EC0, 0x0EC5))))  # vowels written before their letter
# Vowels and signs that are written after their letter: Unicode counts them as letters of their own.
FOLLOWING = frozenset("\u0e30\u0e32\u0e33\u0e45\u0e46\u0eb0\u0eb2\u0eb3\u0ebd\u0ec6")


def can_break(text: str, at: int) -> bool:
    """Return whether a text can be broken before a character: no sign is separated from its letter."""
    before, after = text[at - 1], text[at]
    is_sign = unicodedata.category(after)[0] == "M" or after in FOLLOWING
    is_held = before in LEADING or unicodedata.combining(before) == VIRAMA
    return not (is_sign or is_held or before in JOINERS or after in JOINERS or after in {" ", BREAK})


def add_breaks(text: str) -> str:
    """Return a text with a BREAK at the end of each piece of a script without spaces, and in long words."""
    return "".join(_mark(text))


def split_pieces(text: str) -> List[str]:
    """Return the pieces of a text."""
    return PIECE.findall(text)


def join_pieces(pieces: Iterable[str]) -> str:
    """Return pieces as one text, with a space after each that does not end with a BREAK."""
    return "".join(piece if piece.endswith(BREAK) else f"{piece} " for piece in pieces).rstrip(f" {BREAK}")


def _mark(text: str) -> Iterator[str]:
    length = 0
    for at, letter in enumerate(text):
        if length and _is_end(text, at, length):
            yield BREAK
            length = 0
        length = 0 if letter in {" ", BREAK} else length + 1
        yield letter


def _is_end(text: str, at: int, length: int) -> bool:
    """Return whether a piece of this length ends before a character."""
    before, after = text[at - 1], text[at]
    is_unspaced = bool(UNSPACED.match(after))
    is_full = length >= LONGEST or (length >= LONGEST_UNSPACED and is_unspaced and bool(UNSPACED.match(before)))
    is_end = is_full or (before in ENDS and is_unspaced)
    return is_end and can_break(text, at)
