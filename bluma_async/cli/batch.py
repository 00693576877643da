"""`bluma batch`: many jobs from a file, each billed once, across crashes and restarts."""

from __future__ import annotations

import asyncio
import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict

import click

from bluma_async.cli.audit import format_mismatch
from bluma_async.cli.planning import describe_plan
from bluma_async.cli.running import (
    SETTLE_TIME,
    add_final_option,
    add_options,
    add_settle_options,
    add_verify_option,
    parse_journal,
    run_to_end,
    say,
)
from bluma_async.cli.settling import settle_interrupted
from bluma_async.cli.table import show_jobs
from bluma_async.cli.watching import watch
from bluma_async.client import AsyncBluma
from bluma_async.stores.postgres_database import is_postgres_url, mask_url, migrate_database
from bluma_async.stores.states import JobState

if TYPE_CHECKING:
    from bluma_async.batch.batch import Batch
    from bluma_async.stores.jobs import BatchStatus

__all__ = ["batch"]

INVALID = 2  # the exit code for invalid arguments, and for rows that a run would refuse
STATES = [str(state) for state in JobState]


@click.group()
def batch() -> None:
    """Make many videos. The command can be killed at any moment and run again: each job is billed once."""


_location = add_options(
    click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="The folder for the files."),
    click.option("--journal", type=parse_journal, help="A file, or a PostgreSQL URL. Default: journal.sqlite."),
)
_run_options = add_options(
    _location,
    click.option("--concurrency", type=int, default=8, show_default=True, help="Jobs at a time."),
    click.option("--max-credits", type=int, help="Submit nothing beyond this, in net credits of the journal."),
    click.option("--poll-interval", type=float, default=5.0, show_default=True, help="Seconds between two polls."),
    click.option("--timeout", type=float, default=3600.0, show_default=True, help="Seconds to wait for a video."),
    click.option("--reuse", type=click.Choice(["content"]), help="Use videos that were bought for the same content."),
    add_final_option,
    add_verify_option,
    add_settle_options,
)


@batch.command()
@click.argument("jobs", type=click.Path(path_type=Path))
@click.option("--dry-run", is_flag=True, help="Check the jobs and show what they would cost. Nothing is created.")
@_run_options
def run(jobs: Path, dry_run: bool, settle_time: float, exclusive_key: bool, **options: Any) -> None:
    """
    Make the videos of the JOBS in a CSV or JSONL file. Jobs that are finished are skipped.

    Columns: template_id or variant_id, prompt, and optionally key, resolution, watermark, webhook_url, context.NAME.
    """
    if dry_run:
        run_to_end(_plan(jobs, options))
        return
    account = {"settle_time": settle_time, "exclusive": exclusive_key}
    command = _build_command("run", jobs, account, options)
    run_to_end(_run(jobs, account, options, command), ends_gracefully=is_postgres_url(options["journal"]))


@batch.command()
@click.option("--in-doubt", type=click.Choice(["leave", "resubmit"]), default="leave", show_default=True)
@_run_options
def retry(in_doubt: Any, settle_time: float, exclusive_key: bool, **options: Any) -> None:
    """Create failed jobs again; with --in-doubt resubmit also the jobs in doubt, which can bill them twice."""
    account = {"settle_time": settle_time, "exclusive": exclusive_key}

    async def work() -> None:
        async with AsyncBluma() as client:
            count = await client.batch(**options).retry(in_doubt=in_doubt)
        say(f"Jobs planned again: {count}")
        await _run(None, account, options, _build_command("retry", None, account, options))

    run_to_end(work())


@batch.command()
@click.argument("url")
def migrate(url: str) -> None:
    """Create or update the tables in the PostgreSQL database at URL. Runs and workers do it too, if their user may."""

    async def work() -> None:
        say(f"The tables of bluma in {await migrate_database(url)} are up to date.")

    run_to_end(work())


@batch.command()
@_location
@click.option("--watch", "is_watching", is_flag=True, help="Show it again and again, with all workers, until Ctrl-C.")
@click.option(
    "--interval", type=click.FloatRange(min=0.1), default=2.0, show_default=True, help="Seconds, for --watch."
)
def status(is_watching: bool, interval: float, **location: Any) -> None:
    """Count jobs and sum credits. Needs no API key, and works while the batch is running."""

    async def work() -> None:
        async with AsyncBluma(os.environ.get("BLUMA_API_KEY") or "unused") as client:
            batch = client.batch(**location)
            if is_watching:
                await watch(batch, interval)
            _print_status(await batch.status())
            async for result in batch.results("in_doubt"):
                say(f"in doubt  {result.key}  {' '.join(result.candidates)}")
            async for result in batch.results("failed"):
                say(f"failed  {result.key}  {result.error}")

    run_to_end(work())


@batch.command()
@_location
def audit(**location: Any) -> None:
    """
    Compare the journal with the account's transactions; exit code 1 if anything does not match.

    A payment for a video of another program on this account is unknown to the journal.
    """

    async def work() -> None:
        async with AsyncBluma() as client:
            found = await client.batch(**location).audit()
        for mismatch in found.mismatches:
            say(format_mismatch(mismatch))
        say(f"{found.videos} videos in the journal, {found.transactions} transactions read")
        say(f"{found.credits_charged} credits charged, {found.credits_refunded} refunded by the journal")
        say("Everything matches." if found.is_matching else f"{len(found.mismatches)} difference(s).")
        if not found.is_matching:
            raise click.exceptions.Exit(1)

    run_to_end(work())


@batch.command()
@click.argument("key")
@click.argument("video_id", required=False)
@click.option("--likely", is_flag=True, help="Adopt the candidate whose time fits best. Look at it before you do.")
@_location
def adopt(key: str, video_id: str | None, likely: bool, **location: Any) -> None:
    """Settle a job in doubt: VIDEO_ID, or with --likely its first candidate, is the video of the job KEY."""
    if (video_id is None) != likely:
        raise click.UsageError("Give either VIDEO_ID or --likely. Nothing was changed.")

    async def work() -> None:
        async with AsyncBluma() as client:
            batch = client.batch(**location)
            chosen = video_id or await _find_likely(batch, key)
            await batch.adopt(key, chosen)
        say(f"{chosen} is the video of {key}. Run the batch again to save it.")

    run_to_end(work())


async def _find_likely(batch: Batch, key: str) -> str:
    """Return the first candidate of a job in doubt: they are recorded in the order in which their times fit."""
    found = [result.candidates async for result in batch.results("in_doubt") if result.key == key]
    candidates = found[0] if found else []
    if not candidates:
        reason = "no candidates are recorded" if found else "there is no such job in doubt"
        raise click.UsageError(f"--likely cannot choose a video for {key!r}: {reason}. Nothing was changed.")
    say(f"The first of {len(candidates)} candidate(s) of {key}: {candidates[0]}")
    return candidates[0]


async def _plan(jobs: Path, options: Dict[str, Any]) -> None:
    async with AsyncBluma() as client:
        plan = await client.batch(**options).plan(jobs)
    for line in describe_plan(plan, options["max_credits"]):
        say(line)
    if not plan.is_valid:
        raise click.exceptions.Exit(INVALID)


async def _run(jobs: Path | None, account: Dict[str, Any], options: Any, command: str) -> None:
    async with AsyncBluma(**account) as client:
        with show_jobs() as table:
            batch = client.batch(**options, on_change=table.change, on_status=table.report)
            try:
                async for result in batch.run(jobs):
                    table.end(result)
            except asyncio.CancelledError:
                table.close()
                say(f"Stopped. Nothing is lost; continue with: {command}")
                if not is_postgres_url(options["journal"]):  # else other processes settle what is open
                    await settle_interrupted(client, account["settle_time"])
                raise
        status = await batch.status()
    _print_status(status)
    if batch.stopped is not None:
        say(f"Stopped early: {batch.stopped}\nContinue with: {command}")
    if status.in_doubt:
        say("Settle the jobs in doubt with: bluma batch adopt KEY VIDEO_ID, or bluma batch retry --in-doubt resubmit")
    done = status.rendered + status.saved
    if done < status.total:
        raise click.exceptions.Exit(1)


def _print_status(status: BatchStatus) -> None:
    counts = ", ".join(f"{getattr(status, state)} {state}" for state in STATES if getattr(status, state))
    say(f"{status.total} jobs: {counts.replace('_', ' ') or 'none'}")
    money = (status.credits_charged, status.credits_refunded, status.credits_net)
    say("{} credits charged, {} refunded, {} net".format(*money))


def _build_command(name: str, jobs: Path | None, account: Dict[str, Any], options: Any) -> str:
    words = ["bluma", "batch", name, *([str(jobs)] if jobs else [])]
    for option in ("out", "journal", "concurrency", "max_credits", "reuse"):
        if options[option] is not None:
            words += ["--" + option.replace("_", "-"), mask_url(str(options[option]))]
    if options["verify"] != "size":
        words += ["--verify", options["verify"]]
    if account["settle_time"] != SETTLE_TIME:
        words += ["--settle-time", f"{account['settle_time']:g}"]
    if account["exclusive"]:
        words.append("--exclusive-key")
    for status in options["final_statuses"]:
        words += ["--final-status", status]
    return " ".join(shlex.quote(word) for word in words)
