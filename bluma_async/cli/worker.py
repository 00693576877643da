"""`bluma worker`: one of many processes that work on the jobs of a journal in PostgreSQL."""

from __future__ import annotations

import asyncio
from typing import Any

import click

from bluma_async.cli.accounts import Account, with_account
from bluma_async.cli.running import add_settle_options
from bluma_async.cli.worker_log import log_worker
from bluma_async.fleet.procrastinate_engine import run_worker

__all__ = ["worker"]


@click.command()
@click.option("--journal", required=True, help="The URL of the PostgreSQL database.")
@click.option(
    "--out", type=click.Path(file_okay=False), help="The folder for the files, or a URL such as s3://bucket/videos."
)
@click.option("--concurrency", type=int, default=8, show_default=True, help="Tasks at a time.")
@click.option("--poll-interval", type=float, default=5.0, show_default=True, help="Seconds between two polls.")
@click.option(
    "--log-format",
    type=click.Choice(["text", "json"], case_sensitive=False),
    default="text",
    show_default=True,
    envvar="BLUMA_LOG_FORMAT",
    show_envvar=True,
    help="text: warnings on stderr. json: one object a line, with time, level, event, job, video and epoch.",
)
@add_settle_options
@with_account
def worker(
    log_format: str,
    settle_time: float,
    exclusive_key: bool,
    account: Account,
    **options: Any,
) -> None:
    """
    Work on the jobs of a journal, until SIGTERM or Ctrl-C. Run as many workers as wanted, on any machines.

    Running creates are finished first; the rest is given back to the other workers.
    """
    log_worker(is_json=log_format == "json")

    async def work() -> None:
        async with account.open(settle_time=settle_time, exclusive=exclusive_key) as client:
            await run_worker(client.batch(**options))

    asyncio.run(work())
