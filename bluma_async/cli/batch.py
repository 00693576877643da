"""`bluma batch`: many jobs from a file, each billed once, across crashes and restarts."""

from __future__ import annotations

import asyncio
import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bluma_async.cli.running import add_options, run_to_end, say
from bluma_async.cli.table import show_jobs
from bluma_async.client import AsyncBluma
from bluma_async.stores.states import JobState

if TYPE_CHECKING:
    from bluma_async.stores.jobs import BatchStatus

__all__ = ["batch"]

STATES = [str(state) for state in JobState]


@click.group()
def batch() -> None:
    """Make many videos. Kill it at any moment and run it again: each job is billed once."""


_where = add_options(
    click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="The folder for the files."),
    click.option("--journal", type=click.Path(path_type=Path), help="Default: journal.sqlite in --out."),
)
_how = add_options(
    _where,
    click.option("--concurrency", type=int, default=8, show_default=True, help="Jobs at a time."),
    click.option("--max-credits", type=int, help="Submit nothing beyond this, in net credits of the journal."),
    click.option("--poll-interval", type=float, default=5.0, show_default=True, help="Seconds between two polls."),
    click.option("--timeout", type=float, default=3600.0, show_default=True, help="Seconds to wait for a video."),
)


@batch.command()
@click.argument("jobs", type=click.Path(path_type=Path))
@_how
def run(jobs: Path, **terms: Any) -> None:
    """
    Make the JOBS of a CSV or JSONL file. What was done before is not done again.

    Columns: template_id or variant_id, prompt, and as wanted key, resolution, watermark, webhook_url, context.NAME.
    """
    run_to_end(_go_on(jobs, terms, _command("run", jobs, terms)))


@batch.command()
@click.option("--in-doubt", type=click.Choice(["leave", "resubmit"]), default="leave", show_default=True)
@_how
def retry(in_doubt: Any, **terms: Any) -> None:
    """Make the jobs that failed once more; with --in-doubt resubmit those in doubt too, which may bill them twice."""

    async def work() -> None:
        async with AsyncBluma() as client:
            count = await client.batch(**terms).retry(in_doubt=in_doubt)
        say(f"Jobs that are made once more: {count}")
        await _go_on(None, terms, _command("retry", None, terms))

    run_to_end(work())


@batch.command()
@_where
def status(**where: Any) -> None:
    """Count jobs and sum credits. Needs no key; others may be at work meanwhile."""

    async def work() -> None:
        async with AsyncBluma(os.environ.get("BLUMA_API_KEY") or "unused") as client:
            batch = client.batch(**where)
            _report(await batch.status())
            async for result in batch.results("in_doubt"):
                say(f"in doubt  {result.key}  {' '.join(result.candidates)}")
            async for result in batch.results("failed"):
                say(f"failed  {result.key}  {result.error}")

    run_to_end(work())


@batch.command()
@click.argument("key")
@click.argument("video_id")
@_where
def adopt(key: str, video_id: str, **where: Any) -> None:
    """Settle a job in doubt: the job with this KEY is the video with this VIDEO_ID."""

    async def work() -> None:
        async with AsyncBluma() as client:
            await client.batch(**where).adopt(key, video_id)
        say(f"{key} is {video_id}. Run the batch again to save it.")

    run_to_end(work())


async def _go_on(jobs: Path | None, terms: Any, command: str) -> None:
    async with AsyncBluma() as client:
        with show_jobs() as table:
            made = client.batch(**terms, on_change=table.change)
            try:
                async for result in made.run(jobs):
                    table.end(result)
            except asyncio.CancelledError:
                table.close()
                say(f"Stopped. Nothing is lost; go on with: {command}")
                raise
        status = await made.status()
    _report(status)
    if made.stopped is not None:
        say(f"Stopped early: {made.stopped}\nGo on with: {command}")
    if status.in_doubt:
        say("Settle what is in doubt with: bluma batch adopt KEY VIDEO_ID, or bluma batch retry --in-doubt resubmit")
    done = status.rendered + status.saved
    if done < status.total:
        raise click.exceptions.Exit(1)


def _report(status: BatchStatus) -> None:
    counts = ", ".join(f"{getattr(status, state)} {state}" for state in STATES if getattr(status, state))
    say(f"{status.total} jobs: {counts.replace('_', ' ') or 'none'}")
    money = (status.credits_charged, status.credits_refunded, status.credits_net)
    say("{} credits charged, {} refunded, {} net".format(*money))


def _command(name: str, jobs: Path | None, terms: Any) -> str:
    words = ["bluma", "batch", name, *([str(jobs)] if jobs else [])]
    for option in ("out", "journal", "concurrency", "max_credits"):
        if terms[option] is not None:
            words += ["--" + option.replace("_", "-"), str(terms[option])]
    return " ".join(shlex.quote(word) for word in words)
