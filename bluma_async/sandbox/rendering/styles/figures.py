"""Figures made of circles and triangles, and their speech bubbles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Tuple

from bluma_async.sandbox.rendering.scene import Color, Scene, fit, text_block

if TYPE_CHECKING:
    from PIL import ImageDraw

__all__ = ["bubble", "cat_head", "person"]

BLACK: Color = (30, 30, 36)
WHITE: Color = (255, 255, 255)
PINK: Color = (245, 150, 160)


def bubble(
    scene: Scene, draw: ImageDraw.ImageDraw, box: Tuple[float, float, float, float], text: str, tip: Tuple[float, float]
) -> None:
    """Draw a speech bubble with text, and a tip that points at the speaker."""
    left, top, right, bottom = box
    middle = (left + right) / 2
    draw.polygon(scene.box(middle - 30, bottom - 4, middle + 30, bottom - 4, *tip), fill=WHITE)
    draw.rounded_rectangle(scene.box(*box), radius=scene.px(36), fill=WHITE)
    room = scene.px(right - left - 60), scene.px(bottom - top - 40)
    size, lines = fit(text, [scene.px(size) for size in (58, 50, 42, 36, 30, 24)], *room)
    text_block(draw, lines, size, (scene.px(middle), scene.px((top + bottom) / 2)), BLACK)


def cat_head(scene: Scene, draw: ImageDraw.ImageDraw, fur: Color, *, is_speaking: bool) -> None:
    """Draw a cat's head and shoulders in the lower half."""
    draw.ellipse(scene.box(140, 1060, 580, 1500), fill=fur)
    for ear in ((190, 800, 220, 610, 350, 730), (530, 800, 500, 610, 370, 730)):
        draw.polygon(scene.box(*ear), fill=fur)
    draw.polygon(scene.box(215, 760, 232, 660, 305, 730), fill=PINK)
    draw.polygon(scene.box(505, 760, 488, 660, 415, 730), fill=PINK)
    draw.ellipse(scene.box(170, 690, 550, 1080), fill=fur)
    for left in (245, 405):
        draw.ellipse(scene.box(left, 800, left + 70, 885), fill=WHITE)
        draw.ellipse(scene.box(left + 22, 818, left + 50, 872), fill=BLACK)
    draw.polygon(scene.box(338, 920, 382, 920, 360, 945), fill=PINK)
    for side in (-1, 1):
        for drop in (0, 28):
            start, end = 360 + side * 60, 360 + side * 230
            draw.line(scene.box(start, 945 + drop / 2, end, 925 + drop), fill=BLACK, width=scene.px(4))
    if is_speaking:
        draw.ellipse(scene.box(325, 955, 395, 1025), fill=BLACK)
        draw.ellipse(scene.box(340, 990, 380, 1022), fill=PINK)
    else:
        draw.arc(scene.box(310, 925, 360, 975), 10, 170, fill=BLACK, width=scene.px(5))
        draw.arc(scene.box(360, 925, 410, 975), 10, 170, fill=BLACK, width=scene.px(5))


def person(
    scene: Scene,
    draw: ImageDraw.ImageDraw,
    center: float,
    top: float,
    color: Color,
    *,
    is_tall: bool,
    is_speaking: bool,
) -> None:
    """Draw a tall person with a tuft of hair, or a short one with a cap."""
    skin: Color = (236, 200, 170)
    width, height = (150, 220) if is_tall else (190, 190)
    left, right = center - width / 2, center + width / 2
    draw.rounded_rectangle(scene.box(left - 30, top + height - 10, right + 30, 1400), radius=scene.px(50), fill=color)
    if is_tall:
        for index in range(5):
            x = left + index * width / 5
            draw.polygon(scene.box(x - 8, top + 50, x + width / 10, top - 45, x + width / 5 + 8, top + 50), fill=color)
    draw.ellipse(scene.box(left, top, right, top + height), fill=skin)
    if not is_tall:
        draw.pieslice(scene.box(left - 4, top - 14, right + 4, top + height - 30), 180, 360, fill=color)
    for eye in (-1, 1):
        x, y = center + eye * width / 5, top + height * 0.45
        draw.ellipse(scene.box(x - 22, y - 22, x + 22, y + 22), fill=WHITE)
        draw.ellipse(scene.box(x - 8, y - 8, x + 8, y + 8), fill=BLACK)
    mouth = top + height * 0.75
    if is_speaking:
        draw.ellipse(scene.box(center - 24, mouth - 18, center + 24, mouth + 22), fill=(120, 40, 50))
    else:
        draw.line(scene.box(center - 26, mouth, center + 26, mouth), fill=BLACK, width=scene.px(6))
