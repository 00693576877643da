"""A cat explains: the cat below, its words in a bubble above."""

from __future__ import annotations

from typing import Iterator

from PIL import Image, ImageDraw

from bluma_async.sandbox.rendering.scene import Color, Scene, Shot, phrases
from bluma_async.sandbox.rendering.styles.figures import bubble, cat_head

__all__ = ["cat"]

FUR: Color = (240, 160, 70)
WALL: Color = (120, 196, 196)
FLOOR: Color = (92, 158, 160)
MOUTH = 5  # frames for which the mouth stays open, or closed


def cat(scene: Scene) -> Iterator[Shot]:
    """Yield the shots of the video."""
    groups = phrases(scene.words, 11)
    for group, length in zip(groups, scene.split(len(groups))):
        pictures = [_picture(scene, group, is_speaking=is_speaking) for is_speaking in (True, False)]
        for index, step in enumerate(range(0, length, MOUTH)):
            yield pictures[index % 2], min(MOUTH, length - step)


def _picture(scene: Scene, text: str, *, is_speaking: bool) -> Image.Image:
    picture = scene.new(WALL)
    draw = ImageDraw.Draw(picture)
    draw.rectangle(scene.box(0, 1120, 720, 1280), fill=FLOOR)
    cat_head(scene, draw, scene.tint(FUR), is_speaking=is_speaking)
    bubble(scene, draw, (50, 90, 670, 540), text, (360, 610))
    return picture
