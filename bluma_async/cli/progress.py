"""Progress as the server tells it: a bar on a terminal, a line for each step elsewhere."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import Callable, Generator

import click

__all__ = ["show_progress"]


@contextmanager
def show_progress(what: str) -> Generator[Callable[[int], None], None, None]:
    """Show how far something is; give a function that takes percentages."""
    if not sys.stderr.isatty():
        yield lambda percent: click.echo(f"{what}: {percent} %", err=True)
        return
    from rich.console import Console  # noqa: PLC0415 - only a terminal needs it
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415 - as above

    columns = (TextColumn(what), BarColumn(), TextColumn("{task.percentage:>3.0f} %"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(what, total=100)
        yield lambda percent: bar.update(task, completed=percent)
