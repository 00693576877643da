"""A plain explainer: a headline on brushed steel, and points that slide in one by one."""

from __future__ import annotations

from typing import Iterator

from PIL import Image, ImageDraw

from bluma_async.sandbox.rendering.pieces import join_pieces
from bluma_async.sandbox.rendering.scene import Color, Scene, Shot, ease, fit, line_height, phrases, wrap
from bluma_async.sandbox.rendering.text import draw_line

__all__ = ["steel"]

DARK: Color = (38, 44, 52)
LIGHT: Color = (96, 106, 118)
AMBER: Color = (255, 176, 46)
WHITE: Color = (240, 243, 246)
HEADLINE_WORDS = 6
POINT_TOP, POINT_STEP, POINTS_A_PAGE = 470, 190, 4
SLIDE = 10  # frames in which a point slides in


def steel(scene: Scene) -> Iterator[Shot]:
    """Yield the shots of the video."""
    words = scene.words
    points = phrases(words, 8)
    page = _plate(scene, join_pieces(words[:HEADLINE_WORDS]))
    empty = page
    for index, (point, length) in enumerate(zip(points, scene.split(len(points)))):
        place = index % POINTS_A_PAGE
        base = empty if place == 0 else page
        for step in range(min(SLIDE, length)):
            yield _with_point(scene, base, point, place, ease((step + 1) / SLIDE)), 1
        page = _with_point(scene, base, point, place, 1.0)
        if length > SLIDE:
            yield page, length - SLIDE


def _plate(scene: Scene, headline: str) -> Image.Image:
    gradient = Image.new("RGB", (1, 3))
    for y, color in enumerate((LIGHT, DARK, LIGHT)):
        gradient.putpixel((0, y), color)
    picture = gradient.resize(scene.size, Image.Resampling.BICUBIC)  # pyright: ignore[reportUnknownMemberType]  # Pillow has no type for it
    draw = ImageDraw.Draw(picture)
    for x, y in ((36, 36), (684, 36), (36, 1244), (684, 1244)):
        draw.ellipse(scene.box(x - 12, y - 12, x + 12, y + 12), fill=(150, 158, 168))
        draw.line(scene.box(x - 8, y - 8, x + 8, y + 8), fill=DARK, width=scene.px(3))
    size, lines = fit(headline.upper(), [scene.px(size) for size in (72, 60, 50, 40, 30)], scene.px(600), scene.px(280))
    for row, line in enumerate(lines):
        draw_line(draw, (scene.px(60), scene.px(110) + row * line_height(size)), line, size, WHITE)
    draw.rectangle(scene.box(60, 420, 260, 432), fill=scene.tint(AMBER))
    return picture


def _with_point(scene: Scene, base: Image.Image, text: str, place: int, share: float) -> Image.Image:
    picture = base.copy()
    draw = ImageDraw.Draw(picture)
    top, shift = POINT_TOP + place * POINT_STEP, (1 - share) * 720
    draw.rectangle(scene.box(60 + shift, top + 14, 84 + shift, top + 38), fill=scene.tint(AMBER))
    size = scene.px(38)
    for row, line in enumerate(wrap(text, size, scene.px(530))[:3]):
        at = (scene.px(112 + shift), scene.px(top) + row * line_height(size))
        draw_line(draw, at, line, size, WHITE)
    return picture
