"""Prepared clips: real files that are written without Pillow and PyAV."""

from __future__ import annotations

import io
import subprocess
import sys
from typing import Any, Tuple

import av
import pytest
from PIL import Image

from bluma_async.sandbox import Sandbox
from bluma_async.sandbox.luma.shapes import UMAMI_RATIOS, find_size
from bluma_async.sandbox.rendering.prepared import make_jpeg, make_mp4

VIDEO: Any = av  # PyAV has types for a part of its names only
SIZES = [(180, 320), *map(find_size, UMAMI_RATIOS)]
WITHOUT_PACKAGES = """
import asyncio, sys
sys.modules["PIL"] = sys.modules["av"] = None  # an import of either raises ModuleNotFoundError
from bluma_async import AsyncBluma
from bluma_async.sandbox import Sandbox

async def main():
    async with Sandbox(clock="manual", render=False) as sandbox:
        async with AsyncBluma(sandbox.live_key, base_url=sandbox.base_url) as client:
            made = await client.videos.create({"prompt": "Hello"}, "ugc-text-overlay")
            await sandbox.advance(105)
            print(await client.videos.save(made.id, "sky.mp4", verify="container"))
    try:
        Sandbox()
    except ValueError as error:
        print(error)

asyncio.run(main())
"""


@pytest.mark.parametrize("size", SIZES)
def test_a_prepared_clip_is_a_whole_grey_video(size: Tuple[int, int]) -> None:
    """Every frame is decoded without an error, and has the size; the length is exact."""
    content = make_mp4(size, 3)

    with VIDEO.open(io.BytesIO(content), options={"err_detect": "explode"}) as container:
        stream = container.streams.video[0]
        frames = [frame.to_image().getextrema() for frame in container.decode(stream)]
        codec = stream.codec_context
        facts = (codec.name, codec.pix_fmt, codec.width, codec.height, float(container.duration / 1_000_000))
    assert facts == ("h264", "yuv420p", *size, 3.0)
    assert len(frames) == 3
    assert all(darkest == brightest for bands in frames for darkest, brightest in bands)


@pytest.mark.parametrize("size", SIZES)
def test_a_prepared_thumbnail_is_a_whole_grey_picture(size: Tuple[int, int]) -> None:
    """Pillow reads it to its end."""
    with Image.open(io.BytesIO(make_jpeg(size))) as picture:
        picture.load()

        assert (picture.format, picture.size, picture.getextrema()) == ("JPEG", size, (128, 128))


def test_a_sandbox_with_prepared_clips_needs_neither_pillow_nor_pyav(tmp_path: Any) -> None:
    """A video is created, completed and saved; a sandbox that draws is refused with the command that installs both."""
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_PACKAGES], cwd=tmp_path, check=True, capture_output=True, text=True
    )

    saved, refused = done.stdout.splitlines()
    assert int(saved) == (tmp_path / "sky.mp4").stat().st_size
    assert 'pip install "bluma[sandbox]"' in refused
    assert "render=False" in refused


def test_a_sandbox_that_draws_loads_its_packages_when_it_is_made() -> None:
    """The first render, which runs beside requests, does not import anything."""
    Sandbox()

    assert "bluma_async.sandbox.rendering.drawing" in sys.modules
