"""
Render videos one at a time in a thread, which `close` can cancel.

A file is written under a temporary name and renamed when it is complete, so that no link serves half a video.
"""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from typing import TYPE_CHECKING, Iterable, Protocol

from bluma_async.sandbox.rendering.prepared import PreparedClips
from bluma_async.sandbox.rendering.work import Cancelled

if TYPE_CHECKING:
    from pathlib import Path

    from bluma_async.sandbox.rendering.work import Work
    from bluma_async.sandbox.tables import Row

__all__ = ["MissingPackageError", "Renderer", "load_drawing", "make_renderer"]


PACKAGES = {"PIL": "Pillow", "av": "PyAV"}  # the names under which users install them, by those of the imports


class MissingPackageError(ValueError):
    """Drawing needs a package that is not installed. `problem` is the message without advice on arguments."""

    def __init__(self, package: str) -> None:
        self.problem: str = f'A sandbox that draws its videos needs {package}: pip install "bluma[sandbox]".'
        super().__init__(f"{self.problem} With render=False videos are small prepared clips, which need no package.")


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
    if prepared:
        return _ThreadRenderer(PreparedClips().copy)
    from bluma_async.sandbox.rendering.drawing import draw  # noqa: PLC0415 - needs Pillow and PyAV

    return _ThreadRenderer(draw)


def load_drawing() -> None:
    """
    Import what drawing needs, which takes a moment.

    Raises:
        MissingPackageError: A package is not installed.
    """
    try:
        import_module("bluma_async.sandbox.rendering.drawing")
    except ModuleNotFoundError as missing:
        raise MissingPackageError(PACKAGES.get(missing.name or "", str(missing.name))) from None


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
            _delete(parts)
            return 0
        except BaseException:
            _delete(parts)
            raise
        parts[1].replace(thumbnail)
        parts[0].replace(mp4)
        return mp4.stat().st_size


def _delete(parts: Iterable[Path]) -> None:
    for part in parts:
        if part.exists():
            part.unlink()
