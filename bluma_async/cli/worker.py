"""`bluma worker`: one of many processes that work on the jobs of a journal in PostgreSQL."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import click

from bluma_async.cli.json_log import log_as_json
from bluma_async.cli.running import add_settle_options
from bluma_async.client import AsyncBluma
from bluma_async.fleet.procrastinate_engine import run_worker

__all__ = ["worker"]


@click.command()
@click.option("--journal", required=True, help="The URL of the PostgreSQL database.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="The folder for the files.")
@click.option("--concurrency", type=int, default=8, show_default=True, help="Tasks at a time.")
@click.option("--poll-interval", type=float, default=5.0, show_default=True, help="Seconds between two polls.")
@click.option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="json: one object a line on stderr, with time, level, event, job, video and epoch.",
)
@add_settle_options
def worker(concurrency: int, log_format: str, settle_time: float, exclusive_key: bool, **options: Any) -> None:
    """
    Work on the jobs of a journal, until SIGTERM or Ctrl-C. Run as many workers as wanted, on any machines.

    Running creates are finished first; the rest is given back to the other workers.
    """
    if log_format == "json":
        log_as_json()

    async def work() -> None:
        async with AsyncBluma(settle_time=settle_time, exclusive=exclusive_key) as client:
            await run_worker(client.batch(**options), concurrency)

    asyncio.run(work())
