"""Show the news of a wait: the server's progress, other statuses than the usual ones, and that no answer comes."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Callable, Dict, Generator

from bluma_async.cli.output import is_live, say_aside
from bluma_async.errors import RateLimitError

if TYPE_CHECKING:
    from bluma_async.waiting.announcer import StatusInfo

__all__ = ["print_news", "show_progress"]


def _describe_news(info: StatusInfo) -> str | None:
    """Return a line about a wait, or None for a status that needs none: the progress shows the known ones."""
    if isinstance(info.error, RateLimitError):
        return None  # `printed_log` prints it once, and not for each wait
    if info.error is not None:
        return f"No answer from the API for {info.elapsed:.0f} s; still trying. {info.error}"
    return None if info.is_known else f"The status is {info.status!r}, which this version does not know."


class _Tenths:
    """Prints progress in lines: one for each tenth, so that a log stays short."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._printed = -1

    def print(self, percent: int) -> None:
        """Print a percentage, if it is in another tenth than the last one."""
        if percent // 10 != self._printed:
            self._printed = percent // 10
            say_aside(f"{self._label}: {percent} %")


def print_news(info: StatusInfo, write: Callable[[str], None] = say_aside) -> None:
    """Print a line about a wait, if it needs one; by default to stderr."""
    line = _describe_news(info)
    if line is not None:
        write(line)


@contextmanager
def show_progress(label: str) -> Generator[Dict[str, Any], None, None]:
    """Show progress as a bar on a terminal, and as lines elsewhere; yield the functions to pass to `wait_for`."""
    if not is_live(sys.stderr):
        yield {"on_progress": _Tenths(label).print, "on_status": print_news}
        return
    from rich.console import Console  # noqa: PLC0415 - only a terminal needs it
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415 - only a terminal needs it

    columns = (TextColumn(label), BarColumn(), TextColumn("{task.percentage:>3.0f} %"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(label, total=100)

        def write(line: str) -> None:
            bar.console.print(line, highlight=False, markup=False, soft_wrap=True)

        def update(percent: int) -> None:
            bar.update(task, completed=percent)

        yield {"on_progress": update, "on_status": partial(print_news, write=write)}
