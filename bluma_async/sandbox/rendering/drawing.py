"""Draw a video from its prompt. Only this module and those that it imports need Pillow and PyAV."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, Iterator, Mapping, Tuple

from PIL import Image

from bluma_async.sandbox.rendering.encoder import encode
from bluma_async.sandbox.rendering.marks import Marks, draw_marks
from bluma_async.sandbox.rendering.scene import HEIGHT, WIDTH, Scene, clean, parse_color
from bluma_async.sandbox.rendering.styles import find_style
from bluma_async.sandbox.rendering.styles.film import find_film

if TYPE_CHECKING:
    from pathlib import Path

    from bluma_async.sandbox.rendering.scene import Shot
    from bluma_async.sandbox.tables import Row

__all__ = ["SCALES", "draw"]

# Resolution to the scales at which the layout of 720 x 1280 is drawn and encoded. 4k is drawn at half its size and
# scaled up: a quarter of the pixels to draw.
SCALES: Mapping[str, Tuple[float, float]] = {"720p": (1.0, 1.0), "1080p": (1.5, 1.5), "4k": (1.5, 3.0)}
TEST_FPS, LIVE_FPS = 24, 30


def draw(row: Row, mp4: Path, thumbnail: Path, is_cancelled: Callable[[], bool]) -> None:
    """Draw a video from its prompt, and its thumbnail. Raises Cancelled if it is cancelled."""
    drawn, encoded = SCALES[row["resolution"]]
    fps = TEST_FPS if row["kind"] == "test" else LIVE_FPS
    layout = _read_layout(row)
    scene = Scene(
        text=clean(row["prompt"]),
        frames=row["duration"] * fps,
        fps=fps,
        scale=drawn,
        color=parse_color(row["color"]),
        layout=layout,
    )
    size = (round(layout[0] * encoded), round(layout[1] * encoded))
    marks = Marks(is_test=row["watermark"], text=row.get("mark"))
    style = find_film(row["provider"]) if row.get("provider") else find_style(row["template_id"])
    shots = style(scene)
    encode(_finish(scene, shots, thumbnail, marks), mp4, fps, size, is_cancelled)


def _read_layout(row: Row) -> Tuple[int, int]:
    """Return the width and height of a video: those of a generation of Luma, or else a portrait."""
    width, height = row.get("size") or (WIDTH, HEIGHT)
    return int(width), int(height)


def _finish(scene: Scene, shots: Iterator[Shot], thumbnail: Path, marks: Marks) -> Iterator[Shot]:
    """Mark each picture once, and save the picture at a quarter of the time as the thumbnail."""
    stamped: Image.Image | None = None
    shown = 0
    for picture, count in shots:
        if not picture.info.get("marked"):
            draw_marks(scene, picture, marks)
        shown += count
        if stamped is None and shown * 4 >= scene.frames:
            stamped = picture
            small = picture.resize((scene.layout[0] // 2, scene.layout[1] // 2), Image.Resampling.BILINEAR)  # pyright: ignore[reportUnknownMemberType]  # Pillow has no type for it
            small.save(thumbnail, "JPEG", quality=85)
        yield picture, count
