"""A chat that scrolls: messages appear one by one, and push the older ones up."""

from __future__ import annotations

from typing import Iterator, List, Tuple

from PIL import Image, ImageDraw

from bluma_async.sandbox.rendering.scene import Color, Scene, Shot, ease, font, line_height, phrases, wrap

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
    groups = phrases(scene.words, 9)
    messages = [_message(scene, index, group) for index, group in enumerate(groups)]
    strip = _strip(scene, messages)
    shown = 0
    for picture, length in zip(messages, scene.split(len(messages))):
        before, shown = shown, shown + picture.height
        for step in range(min(SLIDE, length)):
            edge = before + round((shown - before) * ease((step + 1) / SLIDE))
            yield _frame(scene, strip, edge), 1
        if length > SLIDE:
            yield _frame(scene, strip, shown), length - SLIDE


def _message(scene: Scene, index: int, text: str) -> Image.Image:
    name, color = WRITERS[index % len(WRITERS)]
    if index % len(WRITERS) == 0:
        color = scene.tint(color)
    size = scene.px(TEXT)
    lines = wrap(text, size, scene.px(540))
    height = scene.px(78) + len(lines) * line_height(size)
    picture = Image.new("RGB", (scene.size[0], height), PAPER)
    draw = ImageDraw.Draw(picture)
    draw.ellipse(scene.box(28, 12, 108, 92), fill=color)
    draw.text(scene.point(68, 52), name[0].upper(), fill=WHITE, font=font(scene.px(42)), anchor="mm")
    draw.text(scene.point(132, 8), name, fill=color, font=font(scene.px(NAME)))
    stamp = f"Today at 10:{30 + index:02d}"
    draw.text(scene.point(250, 14), stamp, fill=GREY, font=font(scene.px(24)))
    for row, line in enumerate(lines):
        draw.text((scene.px(132), scene.px(50) + row * line_height(size)), line, fill=WHITE, font=font(size))
    return picture


def _strip(scene: Scene, messages: List[Image.Image]) -> Image.Image:
    """Return all messages in one tall picture, with an empty window above the first."""
    room = scene.px(BOTTOM - TOP)
    strip = Image.new("RGB", (scene.size[0], room + sum(picture.height for picture in messages)), PAPER)
    at = room
    for picture in messages:
        strip.paste(picture, (0, at))
        at += picture.height
    return strip


def _frame(scene: Scene, strip: Image.Image, edge: int) -> Image.Image:
    """Return a frame with the part of the strip that ends at `edge`, between the bars of the window."""
    picture = scene.new(PAPER)
    room = scene.px(BOTTOM - TOP)
    picture.paste(strip.crop((0, edge, scene.size[0], edge + room)), (0, scene.px(TOP)))
    draw = ImageDraw.Draw(picture)
    draw.rectangle(scene.box(0, 0, 720, 104), fill=BAR)
    draw.text(scene.point(32, 52), "#  product-talk", fill=WHITE, font=font(scene.px(40)), anchor="lm")
    draw.rounded_rectangle(scene.box(24, 1194, 696, 1264), radius=scene.px(16), fill=(56, 58, 64))
    draw.text(scene.point(52, 1229), "Message #product-talk", fill=GREY, font=font(scene.px(30)), anchor="lm")
    return picture
