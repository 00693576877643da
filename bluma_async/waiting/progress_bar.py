"""A progress bar for waits and saves, in notebooks and in terminals."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from bluma_async.errors import InvalidArgumentError

__all__ = ["ProgressBar"]


class ProgressBar:
    """
    Shows the progress of a wait or a save as a bar of tqdm: a widget in notebooks, a line in terminals.

    Pass it as `on_progress`: it takes the percentages of `wait_for`, and the bytes of `save`. One object is for one
    call.

        client.videos.wait_for(video, on_progress=ProgressBar("sky"))

    Raises:
        InvalidArgumentError: tqdm is not installed: `pip install "bluma[notebook]"`.
    """

    def __init__(self, description: str = "", **options: Any) -> None:
        """
        Set up a bar. It appears with the first progress.

        Args:
            description: The text before the bar.
            **options: Further options of tqdm, such as `file` or `leave`.
        """
        self._open = _load_tqdm()
        self._options = {"desc": description or None, **options}
        self._bar: Any = None

    def __call__(self, done: int, *total: int | None) -> None:
        """Show percent of a wait (one argument), or bytes of a save and their total, if it is known (two)."""
        if self._bar is None:
            self._bar = self._begin(*total)
        self._bar.update(done - self._bar.n)
        if self._bar.total is not None and done >= self._bar.total:
            self.close()

    def close(self) -> None:
        """Leave the bar as it is. A bar that reaches its end closes itself."""
        if self._bar is not None:
            self._bar.close()

    def _begin(self, *total: int | None) -> Any:
        units = {"total": total[0], "unit": "B", "unit_scale": True} if total else {"total": 100, "unit": "%"}
        return self._open(**{**units, **self._options})


def _load_tqdm() -> Any:
    try:
        return import_module("tqdm.auto").tqdm
    except ImportError:
        raise InvalidArgumentError(
            'A ProgressBar needs tqdm, which is not installed: pip install "bluma[notebook]".'
        ) from None
