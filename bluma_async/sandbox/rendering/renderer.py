"""
Render videos one at a time in a thread, which `close` can cancel.

A file is written under a temporary name and renamed when it is complete, so that no link serves half a video.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Callable, Dict, Iterator, Mapping, Protocol, Tuple

from PIL import Image, ImageDraw

from bluma_async.sandbox.rendering.encoder import Cancelled, encode
from bluma_async.sandbox.rendering.marks import Marks, draw_marks
from bluma_async.sandbox.rendering.scene import HEIGHT, WIDTH, Scene, clean, font, parse_color
from bluma_async.sandbox.rendering.styles import find_style

if TYPE_CHECKING:
    from bluma_async.sandbox.rendering.scene import Shot
    from bluma_async.sandbox.tables import Row

__all__ = ["Renderer", "make_renderer"]

# Resolution to the scales at which the layout of 720 x 1280 is drawn and encoded. 4k is drawn at half its size and
# scaled up: a quarter of the pixels to draw.
SCALES: Mapping[str, Tuple[float, float]] = {"720p": (1.0, 1.0), "1080p": (1.5, 1.5), "4k": (1.5, 3.0)}
TEST_FPS, LIVE_FPS = 24, 30
SMALL = (180, 320)


class Renderer(Protocol):
    """Creates the MP4 and the thumbnail of a video."""

    async def render(self, row: Row, mp4: Path, thumbnail: Path) -> int:
        """Write both files, and return the size of the MP4 in bytes."""
        ...

    async def close(self) -> None:
        """Cancel the running render, and delete its incomplete files."""
        ...


def make_renderer(*, prepared: bool) -> Renderer:
    """Return a renderer that draws the prompt; or with `prepared`, one that copies small prepared clips."""
    return _ThreadRenderer(_Clips().copy if prepared else _draw)


Work = Callable[["Row", Path, Path, Callable[[], bool]], None]


class _ThreadRenderer:
    """Does the work in one thread of its own."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sandbox-render")
        self._is_cancelled = threading.Event()

    async def render(self, row: Row, mp4: Path, thumbnail: Path) -> int:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, self._render, row, mp4, thumbnail)

    async def close(self) -> None:
        self._is_cancelled.set()
        await asyncio.get_running_loop().run_in_executor(None, self._pool.shutdown)

    def _render(self, row: Row, mp4: Path, thumbnail: Path) -> int:
        parts = mp4.with_suffix(".mp4.part"), thumbnail.with_suffix(".jpg.part")
        try:
            self._work(row, *parts, self._is_cancelled.is_set)
        except Cancelled:
            for part in parts:
                if part.exists():
                    part.unlink()
            return 0
        parts[1].replace(thumbnail)
        parts[0].replace(mp4)
        return mp4.stat().st_size


def _draw(row: Row, mp4: Path, thumbnail: Path, is_cancelled: Callable[[], bool]) -> None:
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
    shots = find_style(row["template_id"])(scene)
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


class _Clips:
    """
    Small real clips for load tests; one for each length and size, encoded at its first use.

    Their pictures are small too, except where an API states the size: then the file has it.
    """

    def __init__(self) -> None:
        self._made: Dict[Tuple[int, Tuple[int, int]], Tuple[bytes, bytes]] = {}

    def copy(self, row: Row, mp4: Path, thumbnail: Path, is_cancelled: Callable[[], bool]) -> None:
        seconds, size = int(row["duration"]), _read_layout(row) if row.get("size") else SMALL
        if (seconds, size) not in self._made:
            self._made[seconds, size] = _make_clip(seconds, size, is_cancelled)
        for path, content in zip((mp4, thumbnail), self._made[seconds, size]):
            path.write_bytes(content)


def _make_clip(seconds: int, size: Tuple[int, int], is_cancelled: Callable[[], bool]) -> Tuple[bytes, bytes]:
    """Return the bytes of a clip with one frame a second, and of its thumbnail."""
    picture = Image.new("RGB", size, (60, 64, 72))
    ImageDraw.Draw(picture).text(
        (size[0] // 2, size[1] // 2), "prepared clip", fill=(255, 255, 255), font=font(22), anchor="mm"
    )
    folder = Path(tempfile.mkdtemp(prefix="bluma-clip-"))
    try:
        encode([(picture, seconds)], folder / "clip.mp4", 1, picture.size, is_cancelled)
        picture.save(folder / "clip.jpg", "JPEG")
        return (folder / "clip.mp4").read_bytes(), (folder / "clip.jpg").read_bytes()
    finally:
        shutil.rmtree(folder)
