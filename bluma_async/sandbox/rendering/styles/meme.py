"""A meme: the set-up above, the punch line below, and two astonished faces between."""

from __future__ import annotations

from typing import Iterator

from PIL import Image, ImageDraw

from bluma_async.sandbox.rendering.scene import Color, Scene, Shot, fit, phrases, text_block

__all__ = ["meme"]

PAPER: Color = (250, 244, 228)
RED: Color = (214, 64, 56)
BLUE: Color = (60, 110, 190)
WHITE: Color = (255, 255, 255)
BLACK: Color = (24, 24, 28)
NOD = 6  # frames between two positions of the heads


def meme(scene: Scene) -> Iterator[Shot]:
    """Yield the shots of the video."""
    groups = phrases(scene.words, 7)
    pairs = [groups[index : index + 2] for index in range(0, len(groups), 2)]
    for pair, length in zip(pairs, scene.split(len(pairs))):
        half = length // 2
        for begin, end, is_revealed in ((0, half, False), (half, length, True)):
            pictures = [_picture(scene, pair, lift, is_revealed=is_revealed) for lift in (0, 14)]
            for index, step in enumerate(range(begin, end, NOD)):
                yield pictures[index % 2], min(NOD, end - step)


def _picture(scene: Scene, pair: list[str], lift: int, *, is_revealed: bool) -> Image.Image:
    picture = scene.new(PAPER)
    draw = ImageDraw.Draw(picture)
    draw.rectangle(scene.box(0, 380, 720, 900), fill=scene.tint(BLUE))
    _face(scene, draw, 210, 640 - lift, RED, is_revealed=is_revealed)
    _face(scene, draw, 510, 640 - 14 + lift, (240, 190, 60), is_revealed=is_revealed)
    _words(scene, draw, pair[0], 205)
    if is_revealed or len(pair) == 1:
        _words(scene, draw, pair[-1] if len(pair) > 1 else "...", 1075)
    return picture


def _face(scene: Scene, draw: ImageDraw.ImageDraw, x: float, y: float, color: Color, *, is_revealed: bool) -> None:
    draw.ellipse(scene.box(x - 125, y - 125, x + 125, y + 125), fill=color)
    for eye in (-48, 48):
        size = 34 if is_revealed else 22
        draw.ellipse(scene.box(x + eye - size, y - 40 - size, x + eye + size, y - 40 + size), fill=WHITE)
        draw.ellipse(scene.box(x + eye - 9, y - 49, x + eye + 9, y - 31), fill=BLACK)
    if is_revealed:
        draw.ellipse(scene.box(x - 34, y + 25, x + 34, y + 95), fill=BLACK)
    else:
        draw.line(scene.box(x - 40, y + 55, x + 40, y + 55), fill=BLACK, width=scene.px(8))


def _words(scene: Scene, draw: ImageDraw.ImageDraw, text: str, middle: float) -> None:
    size, lines = fit(text.upper(), [scene.px(size) for size in (84, 70, 58, 48, 38, 28)], scene.px(640), scene.px(300))
    text_block(draw, lines, size, (scene.px(360), scene.px(middle)), WHITE, stroke=scene.px(6))
