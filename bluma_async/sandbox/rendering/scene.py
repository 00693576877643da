"""The Scene that a style draws, the Shots that it yields, and tools for text."""

from __future__ import annotations

import re
import unicodedata
from typing import Callable, Iterator, List, Optional, Sequence, Tuple

import attrs
from PIL import Image, ImageColor, ImageDraw

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
LONG_WORD = re.compile(r"(\S{18})(?=\S)")
# Scripts without spaces between words are split into short pieces, after their own punctuation if there is some.
UNSPACED = re.compile(
    "([\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uff66-\uff9d]{5}(?![\u0e30-\u0e4e])|[\u3001\u3002\uff01\uff0c\uff1f])"
    "(?=[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uff66-\uff9d])"
)
SENTENCE_END = re.compile("[.!?\u2026\u3002\uff01\uff1f\u061f\u06d4\u0964]['\"\u2019\u201d\u00bb)\u300d]*$")
JOINERS = "\u200c\u200d"  # of letters and of emoji


@attrs.frozen(kw_only=True)
class Scene:
    """
    One video to draw: its text, its length in frames, its scale, and the colour of the variant, if any.

    `layout` is the width and height before scaling. Only the style `captions` draws in layouts that are no portraits.
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
        """The words of the text, as many as can be read in the video's time."""
        return self.text.split()[: max(self.frames * FASTEST_WORDS_A_SECOND // self.fps, 1)]

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
    """Return the text in one line, without control characters, and with long words split."""
    composed = unicodedata.normalize("NFC", text[:LONGEST_TEXT])  # a letter and its accent are one character
    drawable = "".join(letter if _is_drawable(letter) else " " for letter in composed)
    spaced = re.sub(UNSPACED, r"\1 ", " ".join(drawable.split()))
    return re.sub(LONG_WORD, r"\1 ", spaced).strip() or "(empty)"


def _is_drawable(letter: str) -> bool:
    kind = unicodedata.category(letter)
    return kind[0] != "C" or kind == "Co" or letter in JOINERS  # a private character is drawn as a replacement


def parse_color(text: object) -> Optional[Color]:
    """Return the colour for text such as #FF69B4; None if it is not a colour."""
    try:
        return ImageColor.getrgb(text)[:3] if isinstance(text, str) else None
    except ValueError:
        return None


def phrases(words: Sequence[str], size: int) -> List[str]:
    """Return the words in groups of at most `size`; a group that is half full ends where a sentence ends."""
    groups: List[List[str]] = [[]]
    for word in words:
        if len(groups[-1]) >= size:
            groups.append([])
        groups[-1].append(word)
        if SENTENCE_END.search(word) and len(groups[-1]) * 2 >= size:
            groups.append([])
    return [" ".join(group) for group in groups if group] or ["..."]


def _sentences(words: Sequence[str]) -> List[List[str]]:
    """Return the words in groups, one for each sentence."""
    groups: List[List[str]] = [[]]
    for word in words:
        groups[-1].append(word)
        if SENTENCE_END.search(word):
            groups.append([])
    return [group for group in groups if group] or [["..."]]


def speaking_turns(words: Sequence[str], size: int) -> List[Tuple[int, str]]:
    """Return phrases with the number of their speaker's turn: a sentence has one speaker, also in several phrases."""
    return [(turn, phrase) for turn, sentence in enumerate(_sentences(words)) for phrase in phrases(sentence, size)]


def wrap(text: str, size: int, width: int) -> List[str]:
    """Return the text in lines of at most `width` pixels; wider words are broken."""
    lines = [""]
    for word in text.split():
        candidate = f"{lines[-1]} {word}".strip()
        if measure(candidate, size) <= width:
            lines[-1] = candidate
            continue
        rest = word
        if lines[-1]:
            lines.append("")
        while measure(rest, size) > width and len(rest) > 1:
            count = next(n for n in range(len(rest) - 1, 0, -1) if n == 1 or measure(rest[:n], size) <= width)
            lines[-1], rest = rest[:count], rest[count:]
            lines.append("")
        lines[-1] = rest
    return [line for line in lines if line]


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
