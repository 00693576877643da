"""Two friends, one tall and one short, speak in turns."""

from __future__ import annotations

from typing import Iterator

from PIL import Image, ImageDraw

from bluma_async.sandbox.rendering.scene import Color, Scene, Shot, speaking_turns
from bluma_async.sandbox.rendering.styles.figures import bubble, person

__all__ = ["duo"]

NIGHT: Color = (36, 28, 64)
PORTAL: Color = (110, 220, 90)
BLUE: Color = (130, 190, 230)
YELLOW: Color = (240, 205, 80)
MOUTH = 5  # frames for which the mouth stays open, or closed
LEFT, RIGHT = 200, 525


def duo(scene: Scene) -> Iterator[Shot]:
    """Yield the shots of the video."""
    turns = speaking_turns(scene.words, 9)
    for (turn, group), length in zip(turns, scene.split(len(turns))):
        pictures = [_picture(scene, group, turn, is_open=is_open) for is_open in (True, False)]
        for index, step in enumerate(range(0, length, MOUTH)):
            yield pictures[index % 2], min(MOUTH, length - step)


def _picture(scene: Scene, text: str, turn: int, *, is_open: bool) -> Image.Image:
    picture = scene.new(NIGHT)
    draw = ImageDraw.Draw(picture)
    for ring in range(6):
        grow = 40 * ring
        shade: Color = (PORTAL[0] - 16 * ring, PORTAL[1] - 30 * ring, PORTAL[2] - 10 * ring)
        draw.ellipse(scene.box(130 + grow, 560 + grow, 590 - grow, 1020 - grow), fill=shade)
    is_left = turn % 2 == 0
    blue = scene.tint(BLUE)
    person(scene, draw, LEFT, 760, blue, is_tall=True, is_speaking=is_left and is_open)
    person(scene, draw, RIGHT, 880, YELLOW, is_tall=False, is_speaking=not is_left and is_open)
    tip = (LEFT + 20, 700) if is_left else (RIGHT - 10, 820)
    bubble(scene, draw, (50, 110, 670, 520), text, tip)
    return picture
