"""`bluma batch`: many jobs from a file, each billed once, across crashes and restarts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict

import click

from bluma_async.batch.audit_results import AuditMismatch
from bluma_async.batch.results import BatchResult
from bluma_async.cli.accounts import open_offline, with_account
from bluma_async.cli.audit import format_mismatch
from bluma_async.cli.batch_run import BatchRun, describe_status
from bluma_async.cli.combinations import refuse_options
from bluma_async.cli.completing import complete_key
from bluma_async.cli.exit_codes import ExitCode
from bluma_async.cli.groups import Group
from bluma_async.cli.journals import choose_journal
from bluma_async.cli.output import clean, say
from bluma_async.cli.planning import describe_plan
from bluma_async.cli.printing import prints
from bluma_async.cli.running import (
    add_final_option,
    add_options,
    add_settle_options,
    add_verify_option,
    parse_journal,
    run_to_end,
)
from bluma_async.cli.watching import watch
from bluma_async.fleet.procrastinate_engine import migrate as migrate_tables
from bluma_async.stores.jobs import BatchStatus

if TYPE_CHECKING:
    from bluma_async.batch.batch import Batch
    from bluma_async.batch.plans import BatchPlan
    from bluma_async.cli.accounts import Account
    from bluma_async.cli.printing import Printer
    from bluma_async.client import AsyncBluma

__all__ = ["batch"]


@click.group(cls=Group)
def batch() -> None:
    """Make many videos. The command can be killed at any moment and run again: each job is billed once."""


_location = add_options(
    click.option(
        "--out", type=click.Path(file_okay=False), help="The folder for the files, or a URL such as s3://bucket/videos."
    ),
    click.option(
        "--journal",
        type=parse_journal,
        metavar="FILE_OR_URL",
        help="A file, or a PostgreSQL URL. Default: journal.sqlite.",
    ),
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
@prints(BatchResult)
@with_account
def run(
    jobs: Path,
    dry_run: bool,
    account: Account,
    printer: Printer,
    settle_time: float,
    exclusive_key: bool,
    **options: Any,
) -> None:
    """
    Make the videos of the JOBS in a CSV or JSONL file. Jobs that are finished are skipped.

    Columns: template_id or variant_id, prompt, and optionally key, resolution, watermark, webhook_url, context.NAME.
    With --dry-run, the JSON is that of a plan.
    """
    if dry_run:
        _plan(jobs, account, printer, options)
        return
    settle = {"settle_time": settle_time, "exclusive": exclusive_key}
    BatchRun(jobs, account, printer, settle, options).run()


@batch.command()
@click.option(
    "--in-doubt",
    type=click.Choice(["leave", "resubmit"]),
    default="leave",
    show_default=True,
    help="What happens to jobs in doubt.",
)
@_run_options
@prints(BatchResult)
@with_account
def retry(
    in_doubt: Any, account: Account, printer: Printer, settle_time: float, exclusive_key: bool, **options: Any
) -> None:
    """Create failed jobs again. With --in-doubt resubmit, jobs in doubt are created too, which can bill them twice."""
    settle = {"settle_time": settle_time, "exclusive": exclusive_key}
    with choose_journal(account, options, is_continued=True) as chosen:
        count = account.call(lambda client: client.batch(**chosen).retry(in_doubt=in_doubt))
    printer.say(f"Jobs planned again: {count}")
    BatchRun(None, account, printer, settle, options).run()


@batch.command()
@click.argument("url")
def migrate(url: str) -> None:
    """
    Create or update the tables in the PostgreSQL database at URL. Runs and workers do it too, if their user may.

    They include the tables of Procrastinate, if it is installed: `bluma worker` needs them.
    """

    async def work() -> None:
        say(f"The tables of bluma in {await migrate_tables(url)} are up to date.")

    run_to_end(work())


@batch.command()
@_location
@click.option("--watch", "is_watching", is_flag=True, help="Show it again and again, with all workers, until Ctrl-C.")
@click.option(
    "--interval", type=click.FloatRange(min=0.1), default=2.0, show_default=True, help="Seconds, for --watch."
)
@prints(BatchStatus)
def status(is_watching: bool, interval: float, printer: Printer, **location: Any) -> None:
    """Count jobs and sum credits. Needs no API key, and works while the batch is running."""
    if not is_watching:
        refuse_options("interval", reason="it is for --watch")

    async def work() -> None:
        async with open_offline() as client:
            batch = client.batch(**location)
            if is_watching:
                await watch(batch, interval, printer)
                return
            counts = await batch.status()
            if printer.is_json:
                printer.show(counts)
                return
            for line in describe_status(counts):
                say(line)
            async for result in batch.results("in_doubt"):
                say(clean(f"in doubt  {result.key}  {' '.join(result.candidates)}"))
            async for result in batch.results("failed"):
                say(clean(f"failed  {result.key}  {result.error}"))

    run_to_end(work())


@batch.command()
@_location
@prints(AuditMismatch)
@with_account
def audit(account: Account, printer: Printer, **location: Any) -> None:
    """
    Compare the journal with the account's transactions. The exit code is 1 if anything does not match.

    A payment for a video of another program on this account is unknown to the journal.
    """
    with choose_journal(account, location, is_continued=True) as chosen:
        found = account.call(lambda client: client.batch(**chosen).audit())
    if printer.is_json:
        printer.show_all(found.mismatches)
    for mismatch in found.mismatches:
        printer.say(format_mismatch(mismatch))
    printer.say(f"{found.videos} videos in the journal, {found.transactions} transactions read")
    printer.say(f"{found.credits_charged} credits charged, {found.credits_refunded} refunded by the journal")
    printer.say("Everything matches." if found.is_matching else f"{len(found.mismatches)} difference(s).")
    if not found.is_matching:
        raise click.exceptions.Exit(ExitCode.FAILED)


@batch.command()
@click.argument("key", shell_complete=complete_key)
@click.argument("video_id", required=False)
@click.option("--likely", is_flag=True, help="Adopt the candidate whose time fits best. Look at it before you do.")
@_location
@with_account
def adopt(key: str, video_id: str | None, likely: bool, account: Account, **location: Any) -> None:
    """Name the video of the job KEY, which is in doubt. It is VIDEO_ID, or with --likely the first candidate."""
    if (video_id is None) != likely:
        raise click.UsageError("Give either VIDEO_ID or --likely. Nothing was changed.")

    async def work(client: AsyncBluma) -> str:
        batch = client.batch(**chosen)
        found = video_id or await _find_likely(batch, key)
        await batch.adopt(key, found)
        return found

    with choose_journal(account, location, is_continued=True) as chosen:
        say(f"{account.call(work)} is the video of {key}. Run the batch again to save it.")


async def _find_likely(batch: Batch, key: str) -> str:
    """Return the first candidate of a job in doubt: they are recorded in the order in which their times fit."""
    found = [result.candidates async for result in batch.results("in_doubt") if result.key == key]
    candidates = found[0] if found else []
    if not candidates:
        reason = "no candidates are recorded" if found else "there is no such job in doubt"
        raise click.UsageError(f"--likely cannot choose a video for {key!r}: {reason}. Nothing was changed.")
    say(f"The first of {len(candidates)} candidate(s) of {key}: {candidates[0]}")
    return candidates[0]


def _plan(jobs: Path, account: Account, printer: Printer, options: Dict[str, Any]) -> None:
    """Print what a run would do."""

    async def work(client: AsyncBluma) -> BatchPlan:
        return await client.batch(**chosen).plan(jobs)

    with choose_journal(account, options) as chosen:
        plan = account.call(work)
    if printer.is_json:
        printer.show(plan)
    for line in describe_plan(plan, options["max_credits"]):
        printer.say(line)
    if not plan.is_valid:
        raise click.exceptions.Exit(ExitCode.USAGE)
