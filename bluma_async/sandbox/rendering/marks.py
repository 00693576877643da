"""Marks that are drawn over every picture: the stamp of test keys, and the watermark that a create asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Optional

import attrs
from PIL import Image, ImageDraw

from bluma_async.sandbox.rendering.scene import clean, fit
from bluma_async.sandbox.rendering.text import draw_line, measure

if TYPE_CHECKING:
    from bluma_async.sandbox.rendering.scene import Scene

__all__ = ["Marks", "draw_marks"]

STAMP = "TEST MODE"
EDGE = 20  # pixels of the layout between a mark and the edge of the picture
SIZES = (36, 28, 22)
WHITE, SHADE = (255, 255, 255), (0, 0, 0, 150)


@attrs.frozen(kw_only=True)
class Marks:
    """The marks of one video: whether it has the stamp of test keys, and the text of its watermark."""

    is_test: bool
    text: Optional[str] = None


def draw_marks(scene: Scene, picture: Image.Image, marks: Marks) -> None:
    """Draw the stamp at the top right, and the watermark at the bottom left."""
    draw = ImageDraw.Draw(picture, "RGBA")
    if marks.is_test:
        right = scene.layout[0] - EDGE
        draw.rounded_rectangle(scene.box(right - 230, EDGE, right, EDGE + 54), radius=scene.px(12), fill=SHADE)
        draw_line(draw, scene.point(right - 115, EDGE + 27), STAMP, scene.px(32), WHITE, anchor="mm")
    if marks.text:
        _draw_watermark(scene, draw, marks.text)
    picture.info["marked"] = True


def _draw_watermark(scene: Scene, draw: ImageDraw.ImageDraw, text: str) -> None:
    widest = scene.px(scene.layout[0] - 4 * EDGE)
    size, lines = fit(clean(text), [scene.px(size) for size in SIZES], widest, scene.px(50))
    width, bottom = round(measure(lines[0], size)), scene.px(scene.layout[1] - EDGE)
    left, top = scene.px(EDGE), bottom - scene.px(54)
    draw.rounded_rectangle((left, top, left + width + 2 * scene.px(EDGE), bottom), radius=scene.px(12), fill=SHADE)
    draw_line(draw, (left + scene.px(EDGE), (top + bottom) // 2), lines[0], size, WHITE, anchor="lm")
