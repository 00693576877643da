"""
Decide whether a regular expression of a schema can be used, on how long a text, and what that costs.

Reason: `re` cannot be interrupted, and some patterns take exponential time. Without groups that repeat, the time is
bounded by the number of ways through the pattern, times its length, times the number of ways to divide a text between
the parts that repeat and the place where a match begins. A pattern is applied only to texts for which this product is
small. Longer texts, and other patterns, are left to the server.

The patterns of a schema are those of ECMA 262: the classes of digits and of letters are those of ASCII, and the class
of spaces is not. A pattern is translated before `re` applies it.
"""

from __future__ import annotations

import re
from functools import lru_cache
from math import comb
from typing import List, NamedTuple

__all__ = ["LONGEST_TEXT", "PatternCost", "compile_pattern", "find_cost", "find_longest_text", "translate_pattern"]

LONGEST_PATTERN = 200
LONGEST_TEXT = 100_000
SHORTEST_TEXT = 20  # a pattern that may be applied to shorter texts only is not used
MOST_STEPS = 2_000_000  # for one text; they take a few milliseconds
MOST_REPEATS = 2  # parts that repeat
MOST_WAYS = 60  # each part with "?" doubles them, and a group multiplies them by its alternatives
WARNED = ("[[", "--", "&&", "~~", "||")  # `re` warns that they may get another meaning
TOKEN = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\{\d+\}|\{[\d,]*\}|.", re.DOTALL)
FIXED = re.compile(r"\{\d+\}")
QUANTIFIER = re.compile(r"[*+?{]")
ESCAPES = frozenset("dDwWsSbBnrtfv")  # others are literal characters, references to groups, or not Python's
ESCAPE = re.compile(r"\\.", re.DOTALL)
SPACES = r"\t\n\v\f\r \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"  # the class of spaces of ECMA 262


class PatternCost(NamedTuple):
    """
    The time that a pattern needs for a text.

    Attributes:
        steps: The steps of one attempt to match.
        places: How many places of the text an attempt chooses: where it begins, and where each repeated part ends.
        longest: The characters of the longest text that the pattern may be applied to.
    """

    steps: int
    places: int
    longest: int

    def count_steps(self, length: int) -> int:
        """Return how many steps a text of this length takes at most: 0 if the pattern is not applied to it."""
        return _count_steps(self.steps, self.places, length) if length <= self.longest else 0


def find_longest_text(pattern: object) -> int | None:
    """Return the number of characters of the longest text that the pattern may be applied to; None for no text."""
    cost = find_cost(pattern) if isinstance(pattern, str) else None
    return None if cost is None else cost.longest


@lru_cache(maxsize=1000)
def compile_pattern(pattern: str) -> re.Pattern[str]:
    """Return a pattern that can be used, as `re` applies it."""
    return re.compile(translate_pattern(pattern))


def translate_pattern(pattern: str) -> str:
    """Return a pattern with the classes of ECMA 262, in the language of `re`."""
    return f"(?a:{''.join(map(_translate_token, TOKEN.findall(pattern)))})" if ESCAPE.search(pattern) else pattern


@lru_cache(maxsize=1000)
def find_cost(pattern: str) -> PatternCost | None:
    """Return how long a pattern takes; None if it is not used."""
    if len(pattern) > LONGEST_PATTERN or any(part in pattern for part in WARNED):
        return None
    tokens = TOKEN.findall(pattern)
    repeats, ways = _count_repeats(tokens), _count_ways(tokens)
    if repeats is None or repeats > MOST_REPEATS or ways > MOST_WAYS:
        return None
    if any(token.startswith("[^") and r"\S" in token for token in tokens):
        return None  # it has no translation
    try:
        re.compile(pattern)
        compile_pattern(pattern)
    except (re.error, RecursionError, OverflowError, Warning):
        return None
    steps, places = ways * _count_parts(tokens), repeats + (not _is_anchored(tokens))
    longest = _find_longest(steps, places)
    return PatternCost(steps, places, longest) if longest >= SHORTEST_TEXT else None


def _translate_token(token: str) -> str:
    """Return a part of a pattern, with the characters that the class of spaces has."""
    if len(token) > 1 and token.startswith("["):
        return ESCAPE.sub(lambda escape: SPACES if escape[0] == r"\s" else escape[0], token)
    return {r"\s": f"[{SPACES}]", r"\S": f"[^{SPACES}]"}.get(token, token)


def _count_steps(steps: int, places: int, length: int) -> int:
    return length + steps * comb(length + places, places)


def _find_longest(steps: int, places: int) -> int:
    """Return the length of the longest text that takes at most MOST_STEPS, by bisection."""
    fits, too_long = 0, LONGEST_TEXT + 1
    while too_long - fits > 1:
        middle = (fits + too_long) // 2
        if _count_steps(steps, places, middle) <= MOST_STEPS:
            fits = middle
        else:
            too_long = middle
    return fits


def _is_anchored(tokens: List[str]) -> bool:
    """Return whether a match can begin at the start of the text only."""
    return tokens[:1] == ["^"] and not QUANTIFIER.match("".join(tokens[1:2])) and _count_alternatives(tokens) == 1


def _count_alternatives(tokens: List[str]) -> int:
    """Return the number of alternatives outside of groups."""
    depth, alternatives = 0, 1
    for piece in tokens:
        depth += (piece == "(") - (piece == ")")
        alternatives += piece == "|" and depth == 0
    return alternatives


def _count_parts(tokens: List[str]) -> int:
    """Return the number of parts of a pattern; a part that stands a fixed number of times counts so many times."""
    return sum(int(token[1:-1]) if FIXED.fullmatch(token) else 1 for token in tokens)


def _count_repeats(tokens: List[str]) -> int | None:
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
            repeats += not FIXED.fullmatch(piece)
    return repeats


def _count_ways(tokens: List[str]) -> int:
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
