"""A chat: messages appear one by one from the top, and push the older ones up when the window is full."""

from __future__ import annotations

from typing import Iterator, List, Tuple

from PIL import Image, ImageDraw

from bluma_async.sandbox.rendering.scene import Color, Scene, Shot, ease, line_height, speaking_turns, wrap
from bluma_async.sandbox.rendering.text import draw_line

__all__ = ["chat"]

PAPER: Color = (49, 51, 56)
BAR: Color = (43, 45, 49)
WHITE: Color = (242, 243, 245)
GREY: Color = (148, 155, 164)
WRITERS: Tuple[Tuple[str, Color], ...] = (
    ("maya", (88, 101, 242)),
    ("theo", (235, 69, 158)),
    ("sam", (87, 242, 135)),
)
TEXT, NAME, TOP, BOTTOM = 40, 32, 120, 1180
SLIDE = 10  # frames in which a message slides in
Message = Tuple[Image.Image, int]


def chat(scene: Scene) -> Iterator[Shot]:
    """Yield the shots of the video."""
    turns = enumerate(speaking_turns(scene.words, 12))
    messages = [_message(scene, turn, index, phrase) for index, (turn, phrase) in turns]
    strip = _strip(scene, messages)
    shown = 0
    for picture, length in zip(messages, scene.split(len(messages))):
        before, shown = shown, shown + picture.height
        for step in range(min(SLIDE, length)):
            edge = before + round((shown - before) * ease((step + 1) / SLIDE))
            yield _frame(scene, strip, edge), 1
        if length > SLIDE:
            yield _frame(scene, strip, shown), length - SLIDE


def _message(scene: Scene, turn: int, index: int, text: str) -> Image.Image:
    name, color = WRITERS[turn % len(WRITERS)]
    if turn % len(WRITERS) == 0:
        color = scene.tint(color)
    size = scene.px(TEXT)
    lines = wrap(text, size, scene.px(540))
    height = scene.px(78) + len(lines) * line_height(size)
    picture = Image.new("RGB", (scene.size[0], height), PAPER)
    draw = ImageDraw.Draw(picture)
    draw.ellipse(scene.box(28, 12, 108, 92), fill=color)
    draw_line(draw, scene.point(68, 52), name[0].upper(), scene.px(42), WHITE, anchor="mm")
    draw_line(draw, scene.point(132, 2), name, scene.px(NAME), color)
    draw_line(draw, scene.point(250, 10), f"Today at 10:{30 + index:02d}", scene.px(24), GREY)
    for row, line in enumerate(lines):
        draw_line(draw, (scene.px(132), scene.px(46) + row * line_height(size)), line, size, WHITE)
    return picture


def _strip(scene: Scene, messages: List[Image.Image]) -> Image.Image:
    """Return all messages in one tall picture."""
    strip = Image.new("RGB", (scene.size[0], sum(picture.height for picture in messages)), PAPER)
    at = 0
    for picture in messages:
        strip.paste(picture, (0, at))
        at += picture.height
    return strip


def _frame(scene: Scene, strip: Image.Image, edge: int) -> Image.Image:
    """Return a frame with the part of the strip that ends at `edge`, below the bar at the top of the window."""
    picture = scene.new(PAPER)
    begin = max(edge - scene.px(BOTTOM - TOP), 0)
    picture.paste(strip.crop((0, begin, scene.size[0], edge)), (0, scene.px(TOP)))
    draw = ImageDraw.Draw(picture)
    draw.rectangle(scene.box(0, 0, 720, 104), fill=BAR)
    draw_line(draw, scene.point(32, 52), "#  product-talk", scene.px(40), WHITE, anchor="lm")
    draw.rounded_rectangle(scene.box(24, 1194, 696, 1264), radius=scene.px(16), fill=(56, 58, 64))
    draw_line(draw, scene.point(52, 1229), "Message #product-talk", scene.px(30), GREY, anchor="lm")
    return picture
