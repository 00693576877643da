"""Show the progress of a batch: a live table on a terminal; elsewhere, a line for each finished job."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Dict, Generator, Tuple

from bluma_async.cli.output import say
from bluma_async.cli.progress import print_news
from bluma_async.stores.states import JobState

if TYPE_CHECKING:
    from rich.table import Table

    from bluma_async.batch.results import BatchResult
    from bluma_async.waiting.announcer import StatusInfo

__all__ = ["Lines", "show_jobs"]

ROWS = 20  # jobs that the table shows at most


class Lines:
    """Prints a line for each finished job."""

    def change(self, result: BatchResult) -> None:
        """Note a job's new state. Only a table shows it."""

    def end(self, result: BatchResult) -> None:
        """Print the result of a job."""
        say(_format_line(result))

    def report(self, info: StatusInfo) -> None:
        """Print that no answer comes, or an unknown status, about a job's video."""
        print_news(info)

    def close(self) -> None:
        """Stop showing jobs."""


class LiveTable(Lines):
    """Shows the running jobs below the lines of the finished ones."""

    def __init__(self, live: Any) -> None:
        self._live = live
        self._running: Dict[str, Tuple[BatchResult, float]] = {}
        self._finished = 0

    def change(self, result: BatchResult) -> None:
        """Show a job's new state."""
        since = self._running.get(result.key, (result, time.monotonic()))[1]
        self._running[result.key] = result, since

    def end(self, result: BatchResult) -> None:
        """Move a job from the table to the lines."""
        self._running.pop(result.key, None)
        self._finished += 1
        self._live.console.print(_format_line(result), highlight=False, markup=False, soft_wrap=True)

    def report(self, info: StatusInfo) -> None:
        """Print that no answer comes, or an unknown status, above the table."""
        print_news(info, lambda line: self._live.console.print(line, highlight=False, markup=False, soft_wrap=True))

    def close(self) -> None:
        """Remove the table."""
        self._live.stop()

    def __rich__(self) -> Table | str:
        """Return the table as it is now."""
        from rich.table import Table  # noqa: PLC0415 - only a terminal needs it

        if not self._running:
            return ""
        table = Table("job", "state", "seconds", "video", title=f"{self._finished} finished", title_justify="left")
        for key, (result, since) in list(self._running.items())[:ROWS]:
            table.add_row(key, str(result.state), f"{time.monotonic() - since:.0f}", result.video_id or "")
        hidden = len(self._running) - ROWS
        if hidden > 0:
            table.caption = f"and {hidden} more"
        return table


@contextmanager
def show_jobs() -> Generator[Lines, None, None]:
    """Show jobs until the end of the block."""
    if not sys.stdout.isatty():
        yield Lines()
        return
    from rich.live import Live  # noqa: PLC0415 - only a terminal needs it

    live = Live(refresh_per_second=4, transient=True)
    table = LiveTable(live)
    live.update(table)
    with live:
        yield table


def _format_line(result: BatchResult) -> str:
    state = str(result.state).replace("_", " ")
    if result.error is not None:
        return f"{state}  {result.key}  {result.error}"
    made = result.path if result.state == JobState.SAVED else result.video_id
    price = "reused" if result.reused else f"{result.credits_charged} credits"
    return f"{state}  {result.key}  {made}  {price}"
