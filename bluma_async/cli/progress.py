"""Show the progress that the server reports: a bar on a terminal, one line for each step elsewhere."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import Callable, Generator

import click

__all__ = ["show_progress"]


@contextmanager
def show_progress(label: str) -> Generator[Callable[[int], None], None, None]:
    """Show progress; yield the function to call with each percentage."""
    if not sys.stderr.isatty():
        yield lambda percent: click.echo(f"{label}: {percent} %", err=True)
        return
    from rich.console import Console  # noqa: PLC0415 - only a terminal needs it
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415 - only a terminal needs it

    columns = (TextColumn(label), BarColumn(), TextColumn("{task.percentage:>3.0f} %"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(label, total=100)
        yield lambda percent: bar.update(task, completed=percent)
