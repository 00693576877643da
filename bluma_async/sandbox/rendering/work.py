"""The work of a renderer as a type, and how it is cancelled."""

from __future__ import annotations

from pathlib import Path
from typing import Callable

from bluma_async.sandbox.tables import Row

__all__ = ["Cancelled", "Work"]

Work = Callable[[Row, Path, Path, Callable[[], bool]], None]  # the video, its two files, whether it is cancelled


class Cancelled(Exception):  # noqa: N818 - a signal, not an error
    """The render was cancelled."""
