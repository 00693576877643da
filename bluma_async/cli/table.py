"""Show the progress of a batch: a live table on a terminal; elsewhere, a line for each finished job and each tenth."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Callable, Dict, Generator, Tuple

from bluma_async.cli.figures import shorten
from bluma_async.cli.output import clean, find_width, is_live, say, say_aside
from bluma_async.cli.progress import print_news
from bluma_async.cli.spelling import spell_for_commands
from bluma_async.stores.states import JobState

if TYPE_CHECKING:
    from rich.table import Table

    from bluma_async.batch.results import BatchResult
    from bluma_async.cli.figures import Figures
    from bluma_async.waiting.announcer import StatusInfo

__all__ = ["Lines", "LiveTable", "show_jobs"]

ROWS = 20  # jobs that the table shows at most
FEWEST = 10  # jobs of a batch that gets a line for each tenth: a small one has a line for each job
WIDE, NARROW = 70, 45  # columns: below them the table has no videos, and no seconds
OTHERS = {4: 58, 3: 32, 2: 16}  # columns beside the key, by the number of columns of the table
SHORTEST_KEY = 8


class Lines:
    """Prints a line for each finished job, and one for each tenth of the batch."""

    def __init__(self, print_result: Callable[[BatchResult], object] | None = None) -> None:
        self._print_result: Callable[[BatchResult], object] = print_result or _print_line
        self._tenth = 0

    def change(self, result: BatchResult) -> None:
        """Note a job's new state. Only a table shows it."""

    def end(self, result: BatchResult) -> None:
        """Print the result of a job."""
        self._print_result(result)

    def measure(self, figures: Figures) -> None:
        """Print the figures of the batch, if another tenth of it is done."""
        if figures.percent // 10 > self._tenth and figures.status.total >= FEWEST:
            self._tenth = figures.percent // 10
            say_aside(figures.describe())

    def report(self, info: StatusInfo) -> None:
        """Print that no answer comes, or an unknown status, about a job's video."""
        print_news(info)

    def close(self) -> None:
        """Stop showing jobs."""


class LiveTable(Lines):
    """Shows the running jobs below the lines of the finished ones."""

    def __init__(self, live: Any) -> None:
        super().__init__()
        self._live = live
        self._running: Dict[str, Tuple[BatchResult, float]] = {}
        self._finished = 0
        self._figures: Figures | None = None

    def change(self, result: BatchResult) -> None:
        """Show a job's new state."""
        since = self._running.get(result.key, (result, time.monotonic()))[1]
        self._running[result.key] = result, since

    def end(self, result: BatchResult) -> None:
        """Move a job from the table to the lines."""
        self._running.pop(result.key, None)
        self._finished += 1
        self._live.console.print(_format_line(result), highlight=False, markup=False, soft_wrap=True)

    def measure(self, figures: Figures) -> None:
        """Show the figures of the batch above the table."""
        self._figures = figures

    def report(self, info: StatusInfo) -> None:
        """Print that no answer comes, or an unknown status, above the table."""
        print_news(info, lambda line: self._live.console.print(line, highlight=False, markup=False, soft_wrap=True))

    def close(self) -> None:
        """Remove the table."""
        self._live.stop()

    def __rich__(self) -> Table | str:
        """Return the table as it is now."""
        from rich.table import Table  # noqa: PLC0415 - only a terminal needs it
        from rich.text import Text  # noqa: PLC0415 - only a terminal needs it

        if not self._running:
            return ""
        width = find_width(1000)
        has_video, has_seconds = width >= WIDE, width >= NARROW
        names = ["job", "state", *(["seconds"] if has_seconds else ()), *(["video"] if has_video else ())]
        title = self._figures.describe() if self._figures else f"{self._finished} finished"
        table = Table(*names, title=Text(title), title_justify="left")
        for key, (result, since) in list(self._running.items())[:ROWS]:
            name = shorten(clean(key), max(width - OTHERS[len(names)], SHORTEST_KEY))
            cells = [name, str(result.state), f"{time.monotonic() - since:.0f}", clean(result.video_id or "")]
            table.add_row(*map(Text, cells[: len(names)] if has_seconds else cells[:2]))
        hidden = len(self._running) - ROWS
        if hidden > 0:
            table.caption = f"and {hidden} more"
        return table


@contextmanager
def show_jobs(print_result: Callable[[BatchResult], object] | None = None) -> Generator[Lines, None, None]:
    """
    Show jobs until the end of the block.

    Args:
        print_result: Prints the result of a job in another way than by a line; there is no table then.
    """
    if print_result is not None or not is_live(sys.stdout):
        yield Lines(print_result)
        return
    from rich.live import Live  # noqa: PLC0415 - only a terminal needs it

    live = Live(refresh_per_second=4, transient=True)
    table = LiveTable(live)
    live.update(table)
    with live:
        yield table


def _print_line(result: BatchResult) -> None:
    say(_format_line(result))


def _format_line(result: BatchResult) -> str:
    state = str(result.state).replace("_", " ")
    if result.error is not None:
        candidates = f" Its candidates: {' '.join(result.candidates)}" if result.candidates else ""
        return clean(f"{state}  {result.key}  {spell_for_commands(str(result.error))}{candidates}")
    made = result.path if result.state == JobState.SAVED else result.video_id
    price = "reused" if result.reused else f"{result.credits_charged} credits"
    return f"{state}  {result.key}  {made}  {price}"
