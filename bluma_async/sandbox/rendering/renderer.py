"""
Renders videos off the event loop, one at a time, in a thread that can be told to stop.

Rule 1: a file is at its place only when it is whole; it is written beside it first.
Rule 2: nobody waits for a render but who asked for it.
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
from bluma_async.sandbox.rendering.looks import look_of
from bluma_async.sandbox.rendering.scene import Scene, clean, color_of, font

if TYPE_CHECKING:
    from bluma_async.sandbox.rendering.scene import Shot
    from bluma_async.sandbox.tables import Row

__all__ = ["Renderer", "make_renderer"]

# Resolution: the factor by which the layout of 720 x 1280 is drawn, and the one by which it is encoded.
SCALES: Mapping[str, Tuple[float, float]] = {"720p": (1.0, 1.0), "1080p": (1.5, 1.5), "4k": (1.5, 3.0)}
TEST_FPS, LIVE_FPS = 24, 30
STAMP = "TEST MODE"


class Renderer(Protocol):
    """Makes the files of a video."""

    async def render(self, row: Row, mp4: Path, thumbnail: Path) -> int:
        """Write both files, and return the video's size in bytes."""
        ...

    async def close(self) -> None:
        """End what is under way, and keep nothing of it."""
        ...


def make_renderer(*, really: bool) -> Renderer:
    """Return a renderer that draws, or one that hands out small prepared clips."""
    return _Threaded(_draw if really else _Clips().copy)


Work = Callable[["Row", Path, Path, Callable[[], bool]], None]


class _Threaded:
    """Does the work in a thread of its own."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sandbox-render")
        self._is_over = threading.Event()

    async def render(self, row: Row, mp4: Path, thumbnail: Path) -> int:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, self._render, row, mp4, thumbnail)

    async def close(self) -> None:
        self._is_over.set()
        await asyncio.get_running_loop().run_in_executor(None, self._pool.shutdown)

    def _render(self, row: Row, mp4: Path, thumbnail: Path) -> int:
        parts = mp4.with_suffix(".mp4.part"), thumbnail.with_suffix(".jpg.part")
        try:
            self._work(row, *parts, self._is_over.is_set)
        except Cancelled:
            for part in parts:
                if part.exists():
                    part.unlink()
            return 0
        parts[1].replace(thumbnail)
        parts[0].replace(mp4)
        return mp4.stat().st_size


def _draw(row: Row, mp4: Path, thumbnail: Path, is_over: Callable[[], bool]) -> None:
    drawn, encoded = SCALES[row["resolution"]]
    fps = TEST_FPS if row["kind"] == "test" else LIVE_FPS
    scene = Scene(
        text=clean(row["prompt"]),
        frames=row["duration"] * fps,
        fps=fps,
        scale=drawn,
        color=color_of(row["color"]),
    )
    size = (round(720 * encoded), round(1280 * encoded))
    shots = look_of(row["template_id"])(scene)
    encode(_finished(scene, shots, thumbnail, is_test=row["watermark"]), mp4, fps, size, is_over)


def _finished(scene: Scene, shots: Iterator[Shot], thumbnail: Path, *, is_test: bool) -> Iterator[Shot]:
    """Burn the stamp in where it belongs, once into each picture, and keep one picture as the thumbnail."""
    stamped: Image.Image | None = None
    shown = 0
    for picture, count in shots:
        if is_test and not picture.info.get("stamped"):
            _stamp(scene, picture)
        shown += count
        if stamped is None and shown * 4 >= scene.frames:
            stamped = picture
            small = picture.resize((360, 640), Image.Resampling.BILINEAR)  # pyright: ignore[reportUnknownMemberType]
            small.save(thumbnail, "JPEG", quality=85)
        yield picture, count


def _stamp(scene: Scene, picture: Image.Image) -> None:
    draw = ImageDraw.Draw(picture, "RGBA")
    draw.rounded_rectangle(scene.box(470, 20, 700, 74), radius=scene.px(12), fill=(0, 0, 0, 150))
    draw.text(scene.point(585, 47), STAMP, fill=(255, 255, 255), font=font(scene.px(34)), anchor="mm")
    picture.info["stamped"] = True


class _Clips:
    """Small real clips, one for each length, made when it is first wanted: for load tests."""

    def __init__(self) -> None:
        self._made: Dict[int, Tuple[bytes, bytes]] = {}

    def copy(self, row: Row, mp4: Path, thumbnail: Path, is_over: Callable[[], bool]) -> None:
        seconds = int(row["duration"])
        if seconds not in self._made:
            self._made[seconds] = _make_clip(seconds, is_over)
        for path, content in zip((mp4, thumbnail), self._made[seconds]):
            path.write_bytes(content)


def _make_clip(seconds: int, is_over: Callable[[], bool]) -> Tuple[bytes, bytes]:
    """Make a clip of one frame a second."""
    picture = Image.new("RGB", (180, 320), (60, 64, 72))
    ImageDraw.Draw(picture).text((90, 160), "prepared clip", fill=(255, 255, 255), font=font(22), anchor="mm")
    folder = Path(tempfile.mkdtemp(prefix="bluma-clip-"))
    try:
        encode([(picture, seconds)], folder / "clip.mp4", 1, picture.size, is_over)
        picture.save(folder / "clip.jpg", "JPEG")
        return (folder / "clip.mp4").read_bytes(), (folder / "clip.jpg").read_bytes()
    finally:
        shutil.rmtree(folder)
