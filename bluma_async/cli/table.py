"""The jobs of a batch as they go on: a live table on a terminal, a line for each that ends elsewhere."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Dict, Generator, Tuple

from bluma_async.cli.running import say
from bluma_async.stores.states import JobState

if TYPE_CHECKING:
    from rich.table import Table

    from bluma_async.batch.results import BatchResult

__all__ = ["Lines", "show_jobs"]

ROWS = 20  # jobs that the table shows at most


class Lines:
    """Prints a line for each job that ends."""

    def change(self, result: BatchResult) -> None:
        """Take in that a job is in another state."""

    def end(self, result: BatchResult) -> None:
        """Print what became of a job."""
        say(_line(result))

    def close(self) -> None:
        """Print no more."""


class LiveTable(Lines):
    """Shows the jobs under way below the lines of those that ended."""

    def __init__(self, live: Any) -> None:
        self._live = live
        self._under_way: Dict[str, Tuple[BatchResult, float]] = {}
        self._ended = 0

    def change(self, result: BatchResult) -> None:
        """Show a job's new state."""
        since = self._under_way.get(result.key, (result, time.monotonic()))[1]
        self._under_way[result.key] = result, since

    def end(self, result: BatchResult) -> None:
        """Move a job from the table to the lines."""
        self._under_way.pop(result.key, None)
        self._ended += 1
        self._live.console.print(_line(result), highlight=False, markup=False, soft_wrap=True)

    def close(self) -> None:
        """Take the table away."""
        self._live.stop()

    def __rich__(self) -> Table | str:
        """Return the table as it is now."""
        from rich.table import Table  # noqa: PLC0415 - only a terminal needs it

        if not self._under_way:
            return ""
        table = Table("job", "state", "seconds", "video", title=f"{self._ended} ended", title_justify="left")
        for key, (result, since) in list(self._under_way.items())[:ROWS]:
            table.add_row(key, str(result.state), f"{time.monotonic() - since:.0f}", result.video_id or "")
        hidden = len(self._under_way) - ROWS
        if hidden > 0:
            table.caption = f"and {hidden} more"
        return table


@contextmanager
def show_jobs() -> Generator[Lines, None, None]:
    """Show jobs as they go on."""
    if not sys.stdout.isatty():
        yield Lines()
        return
    from rich.live import Live  # noqa: PLC0415 - as above

    live = Live(refresh_per_second=4, transient=True)
    table = LiveTable(live)
    live.update(table)
    with live:
        yield table


def _line(result: BatchResult) -> str:
    state = str(result.state).replace("_", " ")
    if result.error is not None:
        return f"{state}  {result.key}  {result.error}"
    what = result.path if result.state == JobState.SAVED else result.video_id
    return f"{state}  {result.key}  {what}  {result.credits_charged} credits"
