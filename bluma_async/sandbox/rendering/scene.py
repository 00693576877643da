"""The Scene that a style draws, the Shots that it yields, and tools for text."""

from __future__ import annotations

import re
import unicodedata
from typing import Callable, Iterator, List, Optional, Sequence, Tuple

import attrs
from PIL import Image, ImageColor, ImageDraw

from bluma_async.sandbox.rendering.pieces import BREAK, JOINERS, add_breaks, can_break, join_pieces, split_pieces
from bluma_async.sandbox.rendering.text import draw_line, measure

__all__ = [
    "HEIGHT",
    "WIDTH",
    "Color",
    "Scene",
    "Shot",
    "Style",
    "ease",
    "fit",
    "line_height",
    "parse_color",
    "phrases",
    "speaking_turns",
    "text_block",
    "wrap",
]

Color = Tuple[int, int, int]
Shot = Tuple[Image.Image, int]  # a picture, and for how many frames it is shown
WIDTH, HEIGHT = 720, 1280  # the usual layout, in which styles place everything; a scene scales it
FASTEST_WORDS_A_SECOND = 3
LONGEST_TEXT = 5000
SENTENCE_END = re.compile("[.!?\u2026\u3002\uff01\uff1f\u061f\u06d4\u0964]['\"\u2019\u201d\u00bb)\u300d]*$")
ABBREVIATION = re.compile(r"\W*(?:\w(?:\.\w)*|Dr|Mr|Mrs|Ms|Prof|St|Jr|Sr|No|vs|approx|Inc|Ltd)\.", re.IGNORECASE)


@attrs.frozen(kw_only=True)
class Scene:
    """
    One video to draw: its text, its length in frames, its scale, and the colour of the variant, if any.

    `layout` is the width and height before scaling. Only the style `captions` draws in layouts that are not portraits.
    """

    text: str
    frames: int
    fps: int
    scale: float = 1.0
    color: Optional[Color] = None
    layout: Tuple[int, int] = (WIDTH, HEIGHT)

    @property
    def size(self) -> Tuple[int, int]:
        """The picture's size in pixels, both even."""
        return self.px(self.layout[0]) // 2 * 2, self.px(self.layout[1]) // 2 * 2

    @property
    def words(self) -> List[str]:
        """The words of the text, as many as can be read in the video's time; or the pieces of those (pieces.py)."""
        return split_pieces(self.text)[: max(self.frames * FASTEST_WORDS_A_SECOND // self.fps, 1)]

    def px(self, length: float) -> int:
        """Return a length of the layout in pixels."""
        return round(length * self.scale)

    def point(self, x: float, y: float) -> Tuple[int, int]:
        """Return a point of the layout in pixels."""
        return self.px(x), self.px(y)

    def box(self, *numbers: float) -> Tuple[int, ...]:
        """Return coordinates of the layout in pixels."""
        return tuple(self.px(number) for number in numbers)

    def tint(self, usual: Color) -> Color:
        """Return the variant's colour, or else the style's usual one."""
        return self.color or usual

    def new(self, color: Color) -> Image.Image:
        """Return a picture filled with a colour."""
        return Image.new("RGB", self.size, color)

    def split(self, parts: int) -> List[int]:
        """Return the numbers of frames of `parts` parts, as equal as whole frames allow."""
        marks = [self.frames * index // parts for index in range(parts + 1)]
        return [end - begin for begin, end in zip(marks, marks[1:])]


Style = Callable[[Scene], Iterator[Shot]]


def clean(text: str) -> str:
    """Return the text in one line, without control characters, and with a BREAK where a long word may be broken."""
    composed = unicodedata.normalize("NFC", text[:LONGEST_TEXT])  # a letter and its accent are one character
    drawable = "".join(letter if _is_drawable(letter) else " " for letter in composed)
    return add_breaks(" ".join(drawable.split())).strip(f" {BREAK}") or "(empty)"


def _is_drawable(letter: str) -> bool:
    kind = unicodedata.category(letter)
    return kind[0] != "C" or kind == "Co" or letter in JOINERS or letter == BREAK  # `Co` is drawn as a replacement


def parse_color(text: object) -> Optional[Color]:
    """Return the colour for text such as #FF69B4; None if it is not a colour."""
    try:
        return ImageColor.getrgb(text)[:3] if isinstance(text, str) else None
    except ValueError:
        return None


def phrases(words: Sequence[str], size: int) -> List[str]:
    """Return the words in groups of at most `size`; a group that is half full ends where a sentence ends."""
    groups: List[List[str]] = [[]]
    for word, is_end in _mark_ends(words):
        if len(groups[-1]) >= size:
            groups.append([])
        groups[-1].append(word)
        if is_end and len(groups[-1]) * 2 >= size:
            groups.append([])
    return [join_pieces(group) for group in groups if group] or ["..."]


def _mark_ends(words: Sequence[str]) -> Iterator[Tuple[str, bool]]:
    """
    Yield each word, and whether a sentence ends with it.

    None ends with an initial or an abbreviation, such as "J." or "Dr.", or before a small letter.
    """
    for word, following in zip(words, [*words[1:], ""]):
        bare = word.rstrip(BREAK)
        is_end = SENTENCE_END.search(bare) is not None and not ABBREVIATION.fullmatch(bare)
        yield word, is_end and not following[:1].islower()


def _sentences(words: Sequence[str]) -> List[List[str]]:
    """Return the words in groups, one for each sentence."""
    groups: List[List[str]] = [[]]
    for word, is_end in _mark_ends(words):
        groups[-1].append(word)
        if is_end:
            groups.append([])
    return [group for group in groups if group] or [["..."]]


def speaking_turns(words: Sequence[str], size: int) -> List[Tuple[int, str]]:
    """Return phrases with the number of their speaker's turn: a sentence has one speaker, also in several phrases."""
    return [(turn, phrase) for turn, sentence in enumerate(_sentences(words)) for phrase in phrases(sentence, size)]


def wrap(text: str, size: int, width: int) -> List[str]:
    """Return the text in lines of at most `width` pixels, with their BREAKs; wider words are broken."""
    lines: List[List[str]] = [[]]
    for word in split_pieces(text):
        if measure(join_pieces([*lines[-1], word]), size) <= width:
            lines[-1].append(word)
        else:
            lines.extend([part] for part in _break_word(word, size, width))
    return [join_pieces(line) for line in lines if line]


def _break_word(word: str, size: int, width: int) -> Iterator[str]:
    """Yield the parts of a word: as long as `width` permits, and at least one letter with its signs."""
    while measure(word, size) > width:
        ends = [at for at in range(len(word) - 1, 0, -1) if can_break(word, at)]
        end = next((at for at in ends if measure(word[:at], size) <= width), ends[-1] if ends else len(word))
        if end == len(word):
            break
        yield word[:end]
        word = word[end:]
    yield word


def fit(text: str, sizes: Sequence[int], width: int, height: int) -> Tuple[int, List[str]]:
    """Return the largest size in which the text fits, and its lines; or the smallest size with the text cut off."""
    for size in sizes:
        lines = wrap(text, size, width)
        if len(lines) * line_height(size) <= height:
            return size, lines
    size = sizes[-1]
    return size, wrap(text, size, width)[: max(height // line_height(size), 1)]


def line_height(size: int) -> int:
    """Return the distance between two lines."""
    return round(size * 1.25)


def text_block(
    draw: ImageDraw.ImageDraw,
    lines: Sequence[str],
    size: int,
    center: Tuple[int, int],
    fill: Color,
    stroke: int = 0,
) -> None:
    """Draw lines centred on a point, with a black outline of `stroke` pixels."""
    top = center[1] - len(lines) * line_height(size) // 2
    for index, line in enumerate(lines):
        at = (center[0], top + index * line_height(size) + line_height(size) // 2)
        draw_line(draw, at, line, size, fill, anchor="mm", stroke=stroke)


def ease(share: float) -> float:
    """Return the progress of a motion, from 0 to 1, for the share of its time: fast at first, then slow."""
    return 1 - (1 - share) ** 3
