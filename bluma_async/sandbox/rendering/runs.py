"""
Split a text into runs: parts that are drawn with one font and in one direction, in the order in which they stand.

Rule 1: a character is drawn with the bundled font if that has it, or else with the font of its neighbour if that has
it, or else with the first font of the machine that has it.
Rule 2: no box is drawn. A character that no font has is replaced, and logged once.
Rule 3: directions are those of the strong characters; spaces and signs between two of one direction have it too, and
others have that of the line; digits follow the last strong character, with the spaces and signs between them. Within a
run, Pillow's Raqm orders and shapes. This is less than the Unicode algorithm, and enough for the lines of a caption.
"""

from __future__ import annotations

import logging
import re
import unicodedata
from functools import lru_cache
from itertools import groupby
from typing import TYPE_CHECKING, Iterator, List, Optional, Sequence, Set, Tuple

import attrs

from bluma_async.sandbox.rendering.font_files import BUNDLED, covers, find_emoji_font, find_font
from bluma_async.sandbox.rendering.pieces import BREAK

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["REPLACEMENT", "Run", "is_right_to_left", "split_runs"]

logger: logging.Logger = logging.getLogger("bluma.sandbox")
REPLACEMENT = "\ufffd"
STRONG = frozenset(("L", "R", "AL"))
DIGITS = frozenset(("EN", "AN"))
_PICTURES = (
    "\U0001f000-\U0001faff\u231a\u231b\u23e9-\u23ec\u23f0\u23f3\u25fd\u25fe\u2614\u2615\u2648-\u2653\u267f\u2693\u26a1"
    "\u26aa\u26ab\u26bd\u26be\u26c4\u26c5\u26ce\u26d4\u26ea\u26f2\u26f3\u26f5\u26fa\u26fd\u2705\u270a\u270b\u2728\u274c"
    "\u274e\u2753-\u2755\u2757\u2795-\u2797\u27b0\u27bf\u2b1b\u2b1c\u2b50\u2b55"
)
_PART = f"(?:[{_PICTURES}]|[\u00a9\u00ae\u203c-\u3299]\ufe0f)[\U0001f3fb-\U0001f3ff\ufe0f]*"
# An emoji: two letters of a flag, a key cap, or parts that joiners connect.
EMOJI = re.compile(
    f"[\U0001f1e6-\U0001f1ff]{{2}}|[0-9#*]\ufe0f?\u20e3|{_PART}(?:\u200d(?:{_PART}|[\u2640\u2642\u2695-\u27ff])\ufe0f?)*"
)
_logged: Set[str] = set()


@attrs.frozen
class Run:
    """
    A part of a line.

    Attributes:
        text: The characters, in the order of reading.
        path: The file of the font.
        is_rtl: Whether it is read from right to left.
        is_emoji: Whether it is one coloured emoji.
    """

    text: str
    path: Path
    is_rtl: bool = False
    is_emoji: bool = False


@lru_cache(maxsize=4096)
def split_runs(text: str) -> Tuple[Run, ...]:
    """Return the runs of a line, from left to right. A BREAK is not drawn."""
    text = text.replace(BREAK, "")
    if covers(BUNDLED, text):
        return (Run(text, BUNDLED),)
    return tuple(_order(list(_merge(_assign(text))), is_rtl=is_right_to_left(text)))


def is_right_to_left(text: str) -> bool:
    """Return whether the first character with a direction is read from right to left."""
    strong = (unicodedata.bidirectional(letter) for letter in text)
    return next((kind != "L" for kind in strong if kind in STRONG), False)


def _assign(text: str) -> Iterator[Run]:
    """Yield each character, or each emoji, with its font and its direction."""
    emoji_font, directions, at = find_emoji_font(), _find_directions(text), 0
    path: Optional[Path] = None
    while at < len(text):
        emoji = EMOJI.match(text, at) if emoji_font is not None else None
        if emoji is not None and emoji_font is not None and covers(emoji_font, emoji[0][0]):
            yield Run(emoji[0], emoji_font, directions[at], is_emoji=True)
            at = emoji.end()
            continue
        letter, is_rtl = text[at], directions[at]
        at += 1
        if unicodedata.category(letter) in {"Mn", "Me", "Cf"}:
            if path is not None and covers(path, letter):  # a mark belongs to the letter before it
                yield Run(letter, path, is_rtl)
            continue
        path = _choose(letter, path)
        yield Run(letter, path, is_rtl) if path is not None else Run(_replace(letter), BUNDLED, is_rtl)


def _find_directions(text: str) -> List[bool]:
    """Return for each character whether it is read from right to left."""
    base, kinds = is_right_to_left(text), [unicodedata.bidirectional(letter) for letter in text]
    found: List[bool] = []
    before, at = base, 0
    while at < len(text):
        end = next((index for index in range(at, len(text)) if kinds[index] in STRONG), len(text))
        after = kinds[end] != "L" if end < len(text) else base
        number_end = max((index + 1 for index in range(at, end) if kinds[index] in DIGITS), default=at)
        found.extend([before] * (number_end - at))
        found.extend([before if before == after else base] * (end - number_end))
        if end < len(text):
            found.append(after)
        before, at = after, end + 1
    return found


def _choose(letter: str, before: Optional[Path]) -> Optional[Path]:
    if before is not None and before != BUNDLED and not letter.isascii() and covers(before, letter):
        return before
    if letter == " " and before is not None and covers(before, letter):
        return before
    return find_font(letter)


def _replace(letter: str) -> str:
    if letter not in _logged:
        _logged.add(letter)
        name = unicodedata.name(letter, "no name")
        logger.warning("No installed font has U+%04X (%s); a replacement is drawn in videos.", ord(letter), name)
    return REPLACEMENT


def _merge(runs: Iterator[Run]) -> Iterator[Run]:
    """Yield neighbours with one font and one direction as one run; each emoji stays alone."""
    waiting: Optional[Run] = None
    for run in runs:
        if waiting is not None and not run.is_emoji and _is_alike(waiting, run):
            waiting = attrs.evolve(waiting, text=waiting.text + run.text)
            continue
        if waiting is not None:
            yield waiting
        waiting = run
    if waiting is not None:
        yield waiting


def _is_alike(one: Run, other: Run) -> bool:
    return (one.path, one.is_rtl, one.is_emoji) == (other.path, other.is_rtl, other.is_emoji)


def _order(runs: Sequence[Run], *, is_rtl: bool) -> List[Run]:
    """Return runs as they stand: parts against the direction of the line are reversed in themselves."""
    groups = [(key, list(group)) for key, group in groupby(runs, lambda run: run.is_rtl)]
    if is_rtl:
        groups.reverse()
    return [run for key, group in groups for run in (group[::-1] if key else group)]
