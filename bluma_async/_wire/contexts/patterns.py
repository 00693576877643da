"""
Decide whether a regular expression of a schema can be used, and on how long a text.

Reason: `re` cannot be interrupted, and some patterns take exponential time. Without groups that repeat, the time is a
polynomial of the length of the text, whose degree is the number of parts that repeat. So their number is bounded, and
the more there are, the shorter the text may be. Longer texts, and other patterns, are left to the server.
"""

from __future__ import annotations

import re

__all__ = ["find_longest_text"]

LONGEST_PATTERN = 200
LONGEST_TEXT = (100_000, 2_000, 200)  # by the number of parts that repeat; each takes a few milliseconds at most
MOST_OPTIONAL = 5  # parts with "?": each doubles the time
TOKEN = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\{\d+\}|\{[\d,]*\}|.", re.DOTALL)
ESCAPES = frozenset("dDwWsSbBnrtfv")  # others are literal characters, references to groups, or not Python's


def find_longest_text(pattern: object) -> int | None:
    """Return the number of characters of the longest text that the pattern may be applied to; None for no text."""
    if not isinstance(pattern, str) or len(pattern) > LONGEST_PATTERN:
        return None
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError):
        return None
    repeats = _count_repeats(TOKEN.findall(pattern))
    return LONGEST_TEXT[repeats] if repeats is not None and repeats < len(LONGEST_TEXT) else None


def _count_repeats(tokens: list[str]) -> int | None:
    """Return the number of parts that repeat; None if there is a part whose time cannot be bounded."""
    repeats = optional = 0
    for index, piece in enumerate(tokens):
        before, after = tokens[index - 1] if index else "", "".join(tokens[index + 1 : index + 3])
        if piece.startswith("\\") and piece[1].isalnum() and piece[1] not in ESCAPES:
            return None
        if piece == "(" and after.startswith("?") and after != "?:":
            return None  # looks ahead or behind, or sets a flag
        if piece in {"*", "+"} or (piece.startswith("{") and len(piece) > 1):
            if before == ")":
                return None
            repeats += not re.fullmatch(r"\{\d+\}", piece)
        optional += piece == "?" and before != "("
    return repeats if optional <= MOST_OPTIONAL else None
