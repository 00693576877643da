"""
`bluma batch status --watch`: who works on a batch, on one screen that is refreshed.

Where the output is not a terminal, each refresh is a line of plain text; with `--json`, it is one object, with the
fields of the status and those of the view. The command ends when nobody reads its output any more.
"""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Dict, List

import attrs
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from bluma_async.batch.watching import opened_view
from bluma_async.cli.output import clean, say, takes_output
from bluma_async.stores.states import JobState

if TYPE_CHECKING:
    from bluma_async.batch.batch import Batch
    from bluma_async.cli.printing import Printer
    from bluma_async.stores.fleet_view import FleetView

__all__ = ["draw", "format_line", "list_fields", "watch"]


async def watch(batch: Batch, interval: float, printer: Printer) -> None:
    """Show what works on a batch, every so many seconds, until the command is stopped."""
    console = Console()
    is_screen = console.is_terminal and not printer.is_json
    with ExitStack() as stack:
        live = stack.enter_context(Live(console=console, screen=True)) if is_screen else None
        async with opened_view(batch) as read:
            while takes_output():
                view = await read()
                if live is not None:
                    live.update(draw(view), refresh=True)
                elif printer.is_json:
                    printer.show(list_fields(view))
                else:
                    say(clean(format_line(view)))
                await asyncio.sleep(interval)


def list_fields(view: FleetView) -> Dict[str, Any]:
    """Return the fields of the status, which the command has without `--watch` too, and those of the view."""
    fields = attrs.asdict(view)
    return {**fields.pop("status"), **fields}


def format_line(view: FleetView) -> str:
    """Return a view as one line of text."""
    parts = [_count(view)]
    parts += [f"{worker.name} holds {worker.held} ({worker.creating} creating)" for worker in view.workers]
    parts += [f"budget {budget.available}/{budget.quota}" for budget in view.budgets]
    parts += [
        f"open create {create.key or ''} {create.age:.0f} s ({create.worker or 'no worker'})" for create in view.creates
    ]
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
    if view.creates:
        table = Table("open create", "template", "worker", "age")
        for create in view.creates:
            names = (create.key, create.template_id, create.worker)
            table.add_row(*(Text(clean(name or "")) for name in names), f"{create.age:.0f} s")
        lines.append(table)
    if view.strays:
        lines.append(f"{view.strays} paid video(s) that belong to no job; see bluma batch audit")
    return Group(*lines)


def _count(view: FleetView) -> str:
    status = view.status
    counts = [f"{getattr(status, state)} {state}" for state in map(str, JobState) if getattr(status, state)]
    return f"{status.total} jobs: {', '.join(counts).replace('_', ' ') or 'none'}, {status.credits_net} credits"
