"""Encode pictures and a soundtrack as an MP4: H.264, yuv420p and AAC, with the index at the front for players."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any, Callable, Iterable, List, Tuple

import av

from bluma_async.sandbox.rendering.sound import Soundtrack
from bluma_async.sandbox.rendering.work import Cancelled

if TYPE_CHECKING:
    from pathlib import Path

    from PIL import Image

    from bluma_async.sandbox.rendering.scene import Shot

__all__ = ["encode"]

AV: Any = av  # PyAV has types for a part of its names only
CACHE_SIZE = 4  # converted frames that are kept, because several styles alternate between two pictures
OPTIONS = {"preset": "ultrafast", "crf": "30"}


def encode(
    shots: Iterable[Shot], path: Path, fps: int, size: Tuple[int, int], is_cancelled: Callable[[], bool]
) -> None:
    """
    Write the shots to a file.

    Raises:
        Cancelled: `is_cancelled` returned true; the file is incomplete.
    """
    opened: Any = AV.open(str(path), "w", format="mp4", options={"movflags": "+faststart"})
    with opened as container:
        stream: Any = container.add_stream("libx264", rate=fps, options=OPTIONS)
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        stream.codec_context.thread_count = 1
        stream.codec_context.gop_size = fps * 5
        stream.codec_context.max_b_frames = 0
        sound = Soundtrack(container)
        converter, number = _Converter(size), 0
        for picture, count in shots:
            frame = converter.convert(picture)
            for _ in range(count):
                if is_cancelled():
                    raise Cancelled
                frame.pts, frame.time_base = number, Fraction(1, fps)
                container.mux(stream.encode(frame))
                number += 1
                sound.write(number // fps)
        container.mux(stream.encode(None))
        sound.finish()


class _Converter:
    """Converts pictures to frames, with a cache of the last few."""

    def __init__(self, size: Tuple[int, int]) -> None:
        self._size = size
        self._recent: List[Tuple[Image.Image, Any]] = []

    def convert(self, picture: Image.Image) -> Any:
        for known, frame in self._recent:
            if known is picture:
                return frame
        width, height = self._size
        frame = AV.VideoFrame.from_image(picture).reformat(
            width=width, height=height, format="yuv420p", interpolation="FAST_BILINEAR"
        )
        self._recent = [*self._recent[-CACHE_SIZE + 1 :], (picture, frame)]
        return frame
