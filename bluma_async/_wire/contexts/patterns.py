"""
Decide whether a regular expression of a schema can be used, and on how long a text.

Reason: `re` cannot be interrupted, and some patterns take exponential time. Without groups that repeat, the time is a
polynomial of the length of the text, whose degree is the number of parts that repeat, times the number of ways through
the pattern. So both are bounded, and the more parts repeat, the shorter the text may be. Longer texts, and other
patterns, are left to the server.
"""

from __future__ import annotations

import re

__all__ = ["find_longest_text"]

LONGEST_PATTERN = 200
LONGEST_TEXT = (100_000, 2_000, 200)  # by the number of parts that repeat; each takes a few milliseconds at most
MOST_WAYS = 60  # each part with "?" doubles them, and a group multiplies them by its alternatives
WARNED = ("[[", "--", "&&", "~~", "||")  # `re` warns that they may get another meaning
TOKEN = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\{\d+\}|\{[\d,]*\}|.", re.DOTALL)
ESCAPES = frozenset("dDwWsSbBnrtfv")  # others are literal characters, references to groups, or not Python's


def find_longest_text(pattern: object) -> int | None:
    """Return the number of characters of the longest text that the pattern may be applied to; None for no text."""
    if not isinstance(pattern, str) or len(pattern) > LONGEST_PATTERN or any(part in pattern for part in WARNED):
        return None
    tokens = TOKEN.findall(pattern)
    repeats = _count_repeats(tokens)
    if repeats is None or repeats >= len(LONGEST_TEXT) or _count_ways(tokens) > MOST_WAYS:
        return None
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError, Warning):
        return None
    return LONGEST_TEXT[repeats]


def _count_repeats(tokens: list[str]) -> int | None:
    """Return the number of parts that repeat; None if there is a part whose time cannot be bounded."""
    repeats = 0
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
    return repeats


def _count_ways(tokens: list[str]) -> int:
    """Return in how many ways a text can go through the optional parts and the alternatives, at most."""
    ways, alternatives = 1, [1]  # the last entry belongs to the innermost group that is open
    for index, piece in enumerate(tokens):
        if piece == "(":
            alternatives.append(1)
        elif piece == "|":
            alternatives[-1] += 1
        elif piece == ")" and len(alternatives) > 1:
            ways *= alternatives.pop()
        elif piece == "?" and tokens[index - 1 : index] != ["("]:
            ways *= 2
    return ways * alternatives[0]
