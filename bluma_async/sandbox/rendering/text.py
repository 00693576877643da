"""Measure and draw a line of any script. Styles use it instead of Pillow's functions, which know one font at a time."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Dict, Tuple

from PIL import Image, ImageDraw, ImageFont, features

from bluma_async.sandbox.rendering.font_files import BUNDLED
from bluma_async.sandbox.rendering.runs import Run, split_runs

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["draw_line", "font", "measure"]

Color = Tuple[int, ...]
Point = Tuple[float, float]
Font = Any  # Pillow's two font classes share no base
EMOJI_SIZE = 109  # the one size of the bitmaps in Noto Color Emoji
EMOJI_RISE = 0.95  # of the size: the top of an emoji above the line's foot
HAS_RAQM = bool(features.check_feature("raqm"))


@lru_cache(maxsize=256)
def font(size: int, path: Path = BUNDLED) -> Font:
    """Return a font in a size; without a path, the bundled one."""
    return ImageFont.truetype(str(path), size)


@lru_cache(maxsize=8192)
def measure(text: str, size: int) -> float:
    """Return the width of a line in pixels."""
    return sum(_measure_run(run, size) for run in split_runs(text))


def draw_line(
    draw: ImageDraw.ImageDraw,
    at: Point,
    text: str,
    size: int,
    fill: Color,
    anchor: str = "la",
    stroke: int = 0,
) -> None:
    """
    Draw a line of text.

    Args:
        draw: What is drawn on.
        at: The point of the anchor.
        text: The text.
        size: The size of the letters in pixels.
        fill: The colour; emoji keep theirs.
        anchor: Pillow's two letters: `l`, `m` or `r` across; `a` (the top), `m` or `s` (the line's foot) down.
        stroke: The width of a black outline in pixels.
    """
    runs = split_runs(text)
    outline: Dict[str, Any] = {"stroke_width": stroke, "stroke_fill": (0, 0, 0)}
    if len(runs) == 1 and runs[0].path == BUNDLED:
        draw.text(at, runs[0].text, fill=fill, font=font(size), anchor=anchor, **outline)
        return
    x = at[0] - {"l": 0.0, "m": 0.5, "r": 1.0}[anchor[0]] * measure(text, size)
    foot = at[1] + _find_foot(size, anchor[1])
    for run in runs:
        if run.is_emoji:
            _paste_emoji(draw, (x, foot), run, size)
        else:
            shown, options = _shape(run)
            draw.text((x, foot), shown, fill=fill, font=font(size, run.path), anchor="ls", **options, **outline)
        x += _measure_run(run, size)


def _find_foot(size: int, anchor: str) -> float:
    """Return how far the foot of the line is below the anchor."""
    ascent, descent = font(size).getmetrics()
    return float({"a": ascent, "m": (ascent - descent) / 2, "s": 0}[anchor])


def _shape(run: Run) -> Tuple[str, Dict[str, Any]]:
    """Return what Pillow takes for a run; without Raqm, its letters are reversed here, and are not joined."""
    if not run.is_rtl:
        return run.text, {}
    return (run.text, {"direction": "rtl"}) if HAS_RAQM else (run.text[::-1], {})


def _measure_run(run: Run, size: int) -> float:
    if run.is_emoji:
        return float(font(EMOJI_SIZE, run.path).getlength(run.text)) * size / EMOJI_SIZE
    shown, options = _shape(run)
    return float(font(size, run.path).getlength(shown, **options))


def _paste_emoji(draw: ImageDraw.ImageDraw, at: Point, run: Run, size: int) -> None:
    emoji = _draw_emoji(run, size)
    target: Image.Image = draw._image  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]  # there is no other way to the picture
    place = (round(at[0]), round(at[1] - size * EMOJI_RISE))
    if target.mode == "RGBA":
        target.alpha_composite(emoji, (max(place[0], 0), max(place[1], 0)))
    else:
        target.paste(emoji, place, emoji)


@lru_cache(maxsize=128)
def _draw_emoji(run: Run, size: int) -> Image.Image:
    """Return an emoji in a size: it is drawn in the size of its bitmap, and scaled."""
    face = font(EMOJI_SIZE, run.path)
    width, height = max(round(face.getlength(run.text)), 1), round(EMOJI_SIZE * 1.25)
    large = Image.new("RGBA", (width, height), (0, 0, 0, 0))
    ImageDraw.Draw(large).text(
        (0, round(EMOJI_SIZE * EMOJI_RISE)), run.text, font=face, anchor="ls", embedded_color=True
    )
    scale = size / EMOJI_SIZE
    scaled = (max(round(width * scale), 1), max(round(height * scale), 1))
    return large.resize(scaled, Image.Resampling.BILINEAR)  # pyright: ignore[reportUnknownMemberType]  # Pillow has no type for it
