"""Big captions, highlighted word by word, over a background of drifting colours."""

from __future__ import annotations

import math
from typing import Iterator, List

from PIL import Image, ImageDraw

from bluma_async.sandbox.rendering.pieces import BREAK, join_pieces, split_pieces
from bluma_async.sandbox.rendering.runs import is_right_to_left
from bluma_async.sandbox.rendering.scene import Color, Scene, Shot, fit, line_height, phrases
from bluma_async.sandbox.rendering.text import draw_line, measure

__all__ = ["captions"]

WARM: Color = (232, 72, 118)
COOL: Color = (54, 82, 200)
WHITE: Color = (255, 255, 255)
YELLOW: Color = (255, 222, 60)
HOLD = 5  # frames for which the background stays the same
CORNERS = 4  # side of the small picture that is scaled up to the background


def captions(scene: Scene) -> Iterator[Shot]:
    """Yield the shots of the video."""
    groups = phrases(scene.words, 5)
    frame = 0
    for group, length in zip(groups, scene.split(len(groups))):
        words = split_pieces(group)
        layers = [_caption(scene, words, spoken) for spoken in range(len(words))]
        for step in range(0, length, HOLD):
            layer = layers[min(step * len(words) // length, len(words) - 1)]
            picture = _backdrop(scene, frame / scene.fps)
            picture.paste(layer, ((picture.width - layer.width) // 2, (picture.height - layer.height) // 2), layer)
            count = min(HOLD, length - step)
            frame += count
            yield picture, count


def _backdrop(scene: Scene, seconds: float) -> Image.Image:
    small = Image.new("RGB", (CORNERS, CORNERS))
    warm = scene.tint(WARM)
    for x in range(CORNERS):
        for y in range(CORNERS):
            share = (math.sin(seconds * 0.7 + x * 0.9 + y * 0.7) + 1) / 2
            small.putpixel((x, y), _mix(warm, COOL, share))
    return small.resize(scene.size, Image.Resampling.BILINEAR)  # pyright: ignore[reportUnknownMemberType]  # Pillow has no type for it


def _caption(scene: Scene, words: List[str], spoken: int) -> Image.Image:
    """Draw the words on a transparent layer, the spoken word in yellow."""
    layer = Image.new("RGBA", scene.point(680, 640), (0, 0, 0, 0))
    draw = ImageDraw.Draw(layer)
    sizes = [scene.px(size) for size in (92, 76, 62, 50, 40, 30)]
    size, lines = fit(join_pieces(words).upper(), sizes, scene.px(620), scene.px(620))
    top = layer.height // 2 - len(lines) * line_height(size) // 2
    number = 0
    for row, line in enumerate(lines):
        left = (layer.width - measure(line, size)) / 2
        pieces = split_pieces(line)
        for index, (word, x) in enumerate(zip(pieces, _place(pieces, size, is_rtl=is_right_to_left(line))), number):
            fill = YELLOW if index == spoken else WHITE
            draw_line(draw, (left + x, top + row * line_height(size)), word, size, fill, stroke=scene.px(5))
        number += len(pieces)
    return layer


def _place(pieces: List[str], size: int, *, is_rtl: bool) -> List[float]:
    """Return where each piece of a line begins; those of a line from right to left begin at its right."""
    widths = [measure(piece, size) for piece in pieces]
    gaps = [0.0 if piece.endswith(BREAK) else measure(" ", size) for piece in pieces]
    starts = [sum(widths[:index]) + sum(gaps[:index]) for index in range(len(pieces))]
    whole = sum(widths) + sum(gaps[:-1])
    return [whole - start - width for start, width in zip(starts, widths)] if is_rtl else starts


def _mix(one: Color, other: Color, share: float) -> Color:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other))
    return red, green, blue
