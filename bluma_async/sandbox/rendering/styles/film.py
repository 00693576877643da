"""A film for Luma: hills under a moving sun, in the colours of the provider, and the prompt as subtitles."""

from __future__ import annotations

import math
from typing import Iterator, Mapping, Tuple

import attrs
from PIL import Image, ImageDraw

from bluma_async.sandbox.rendering.scene import Color, Scene, Shot, Style, fit, phrases, text_block

__all__ = ["find_film"]

WHITE: Color = (250, 248, 244)
HOLD = 4  # frames for which the picture stays the same
STEP = 12  # pixels of the layout between two points of a hill


@attrs.frozen
class Palette:
    """The colours of a provider: the sky from above, the sun, and the hills from behind."""

    sky: Tuple[Color, Color, Color]
    sun: Color
    hills: Tuple[Color, Color, Color]


PALETTES: Mapping[str, Palette] = {
    "kie": Palette(
        ((24, 16, 66), (122, 38, 130), (250, 110, 120)), (255, 206, 130), ((94, 38, 122), (58, 26, 92), (28, 14, 54))
    ),
    "umami": Palette(
        ((28, 70, 96), (96, 168, 170), (248, 214, 160)), (255, 244, 214), ((84, 138, 128), (48, 98, 96), (22, 58, 64))
    ),
    "vapi": Palette(
        ((18, 24, 44), (46, 74, 122), (168, 190, 216)), (240, 244, 255), ((70, 96, 138), (42, 62, 98), (20, 30, 54))
    ),
}
OTHERS = Palette(
    ((40, 34, 52), (120, 84, 92), (240, 180, 130)), (255, 226, 180), ((110, 78, 82), (72, 52, 62), (36, 28, 40))
)


def find_film(provider: str) -> Style:
    """Return the style of a provider."""
    palette = PALETTES.get(provider, OTHERS)
    return lambda scene: _film(scene, palette)


def _film(scene: Scene, palette: Palette) -> Iterator[Shot]:
    groups = phrases(scene.words, 8)
    frame, sky = 0, _sky(scene, palette)
    for group, length in zip(groups, scene.split(len(groups))):
        for step in range(0, length, HOLD):
            count = min(HOLD, length - step)
            yield _picture(scene, palette, sky, frame, group), count
            frame += count


def _picture(scene: Scene, palette: Palette, sky: Image.Image, frame: int, text: str) -> Image.Image:
    picture = sky.copy()
    draw = ImageDraw.Draw(picture)
    width, height = scene.layout
    share, seconds = frame / max(scene.frames, 1), frame / scene.fps
    radius, x, y = min(width, height) * 0.11, width * (0.3 + 0.4 * share), height * (0.46 - 0.16 * share)
    draw.ellipse(scene.box(x - radius, y - radius, x + radius, y + radius), fill=palette.sun)
    for number, color in enumerate(palette.hills):
        base, swing = height * (0.58 + 0.12 * number), height * (0.07 - 0.01 * number)
        shift = seconds * (0.10 + 0.14 * number) + number * 2.1
        points = [
            (
                x,
                base
                + swing * math.sin(x / width * (5 + number) + shift)
                + swing * 0.4 * math.sin(x / width * 13 + shift),
            )
            for x in range(0, width + STEP, STEP)
        ]
        draw.polygon([scene.point(*point) for point in (*points, (width, height), (0, height))], fill=color)
    sizes = [scene.px(size) for size in (46, 40, 34, 28, 22)]
    size, lines = fit(text, sizes, scene.px(width * 0.84), scene.px(height * 0.2))
    text_block(draw, lines, size, scene.point(width / 2, height * 0.86), WHITE, stroke=scene.px(3))
    return picture


def _sky(scene: Scene, palette: Palette) -> Image.Image:
    small = Image.new("RGB", (1, len(palette.sky)))
    for y, color in enumerate(palette.sky):
        small.putpixel((0, y), scene.tint(color) if y == 1 else color)
    width, height = scene.size
    below = small.resize((width, height * 3 // 4), Image.Resampling.BICUBIC)  # pyright: ignore[reportUnknownMemberType]  # Pillow has no type for it
    picture = scene.new(palette.sky[-1])
    picture.paste(below, (0, 0))
    return picture
