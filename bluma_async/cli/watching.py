"""
`bluma batch status --watch`: who works on a batch, on one screen that is refreshed.

Where the output is not a terminal, each refresh is a line of plain text; with `--json`, it is one object.
"""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, List

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table

from bluma_async.batch.watching import opened_view
from bluma_async.cli.output import say
from bluma_async.stores.states import JobState

if TYPE_CHECKING:
    from bluma_async.batch.batch import Batch
    from bluma_async.cli.printing import Printer
    from bluma_async.stores.fleet_view import FleetView

__all__ = ["draw", "format_line", "watch"]


async def watch(batch: Batch, interval: float, printer: Printer) -> None:
    """Show what works on a batch, every so many seconds, until the command is stopped."""
    console = Console()
    is_screen = console.is_terminal and not printer.is_json
    with ExitStack() as stack:
        live = stack.enter_context(Live(console=console, screen=True)) if is_screen else None
        async with opened_view(batch) as read:
            while True:
                view = await read()
                if printer.is_json:
                    printer.show(view.status)
                elif live is None:
                    say(format_line(view))
                else:
                    live.update(draw(view), refresh=True)
                await asyncio.sleep(interval)


def format_line(view: FleetView) -> str:
    """Return a view as one line of text."""
    parts = [_count(view)]
    parts += [f"{worker.name} holds {worker.held} ({worker.creating} creating)" for worker in view.workers]
    parts += [f"budget {budget.available}/{budget.quota}" for budget in view.budgets]
    parts += [f"oldest open create {view.oldest_intent:.0f} s"] if view.oldest_intent is not None else []
    parts += [f"{view.strays} stray(s)"] if view.strays else []
    return "; ".join(parts)


def draw(view: FleetView) -> Any:
    """Return a view as a screen of rich."""
    lines: List[Any] = [_count(view)]
    if view.workers:
        table = Table("worker", "epoch", "jobs held", "creating", "lease")
        for worker in view.workers:
            lease = f"{worker.ends_in:.0f} s" if worker.ends_in >= 0 else "ended"
            table.add_row(worker.name, str(worker.epoch), str(worker.held), str(worker.creating), lease)
        lines.append(table)
    for budget in view.budgets:
        left = f"{budget.available} of {budget.quota} requests left, reset in {budget.resets_in:.0f} s"
        lines.append(f"budget of key {budget.fingerprint}: {left}")
    if view.oldest_intent is not None:
        lines.append(f"oldest open create: {view.oldest_intent:.0f} s")
    if view.strays:
        lines.append(f"{view.strays} paid video(s) that belong to no job; see bluma batch audit")
    return Group(*lines)


def _count(view: FleetView) -> str:
    status = view.status
    counts = [f"{getattr(status, state)} {state}" for state in map(str, JobState) if getattr(status, state)]
    return f"{status.total} jobs: {', '.join(counts).replace('_', ' ') or 'none'}, {status.credits_net} credits"
