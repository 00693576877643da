"""Run a batch for a command: show its jobs and its figures, and print how to continue it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from functools import partial
from typing import TYPE_CHECKING, Any, AsyncGenerator, Dict, Generator

import attrs
import click

from bluma_async.batch.rows import read_rows
from bluma_async.cli.accounts import ENDED, Account
from bluma_async.cli.continuing import spell_command
from bluma_async.cli.exit_codes import ExitCode, find_exit_code
from bluma_async.cli.figures import Figures
from bluma_async.cli.journals import choose_journal
from bluma_async.cli.output import say, say_aside
from bluma_async.cli.settling import settle_interrupted
from bluma_async.cli.spelling import spell_for_commands
from bluma_async.cli.table import show_jobs
from bluma_async.errors import APIError, BlumaError, InsufficientCreditsError
from bluma_async.stores.postgres.urls import is_postgres_url
from bluma_async.stores.states import JobState

if TYPE_CHECKING:
    from pathlib import Path

    from bluma_async.batch.batch import Batch
    from bluma_async.cli.printing import Printer
    from bluma_async.cli.table import Lines
    from bluma_async.client import AsyncBluma
    from bluma_async.stores.jobs import BatchStatus

__all__ = ["BatchRun", "choose_exit_code", "describe_status"]

STATES = [str(state) for state in JobState]
REFRESH = 2.0  # seconds between two looks at the journal


@attrs.frozen
class BatchRun:
    """
    A run of a batch.

    Attributes:
        jobs: The file of the jobs; None for those of the journal.
        account: The account.
        printer: Prints the results as JSON, if that is asked for.
        settle: The options of the client: `settle_time` and `exclusive`.
        options: The options of the batch.
    """

    jobs: Path | None
    account: Account
    printer: Printer
    settle: Dict[str, Any]
    options: Dict[str, Any]

    def run(self) -> None:
        """
        Run the batch, and print its results and how to continue it.

        Raises:
            Exit: Jobs are left, or have failed, or the run has stopped early.
        """
        counter = _Counter()
        with choose_journal(self.account, self.options) as options:
            show = partial(self._show, options=options, counter=counter)
            status = self.account.call(show, **self.settle, on_response=counter.add)
        self._report(status, counter.stopped)
        saves_files = self.options["out"] is not None
        code = choose_exit_code(status, counter.stopped, saves_files=saves_files)
        if code != ExitCode.SUCCESS:
            raise click.exceptions.Exit(code)

    async def _show(self, client: AsyncBluma, *, options: Dict[str, Any], counter: _Counter) -> BatchStatus:
        with show_jobs(self.printer.show if self.printer.is_json else None) as table:
            batch = client.batch(**options, on_change=table.change, on_status=table.report)
            try:
                async with _measuring(batch, client, table, counter):
                    async for result in batch.run(self.jobs):
                        counter.finished += 1
                        table.end(result)
            except asyncio.CancelledError:
                table.close()
                await self._stop(client)
                raise
        counter.stopped = batch.stopped
        return await batch.status()

    async def _stop(self, client: AsyncBluma) -> None:
        """After Ctrl-C: print how to continue, and find out what has become of open creates."""
        if self.account.is_temporary:
            say_aside(f"Stopped. {ENDED}")
            return
        say_aside(f"Stopped. Nothing is lost; continue with: {self._spell()}")
        if not self._is_shared:  # else other processes settle what is open
            await settle_interrupted(client, self.settle["settle_time"])

    def _report(self, status: BatchStatus, stopped: BlumaError | None) -> None:
        for line in describe_status(status):
            self._say(line)
        if self.jobs is not None and self.jobs.is_file() and next(read_rows(self.jobs), None) is None:  # not a pipe
            say_aside(f"{self.jobs} has no jobs.")
        if stopped is not None:
            say_aside(f"Stopped early: {spell_for_commands(str(stopped))}")
        if self.account.is_temporary:
            return
        is_file_missing = status.rendered and self.options["out"] is not None
        if is_file_missing if stopped is None else not is_own_limit(stopped):
            say_aside(f"Continue with: {self._spell()}")
        if status.in_doubt:
            adopt, resubmit = spell_command("adopt", video_id="VIDEO_ID"), spell_command("retry", in_doubt="resubmit")
            say_aside(f"Settle the jobs in doubt with: {adopt}, or {resubmit}")

    @property
    def _is_shared(self) -> bool:
        """Whether other processes may work on the same journal."""
        return is_postgres_url(self.options["journal"])

    def _say(self, text: str) -> None:
        """Print a line for people, beside JSON if that is asked for."""
        (say_aside if self.printer.is_json else say)(text)

    def _spell(self) -> str:
        """Return the command that continues this run; without --in-doubt, which can bill jobs twice each time."""
        return spell_command(**({"in_doubt": None} if self.jobs is None else {}))


class _Counter:
    """Counts what a run has done."""

    def __init__(self) -> None:
        self.requests = 0
        self.finished = 0
        self.started = time.monotonic()
        self.stopped: BlumaError | None = None

    def add(self, _: object) -> None:
        """Count a request."""
        self.requests += 1


def is_own_limit(stopped: BlumaError) -> bool:
    """Return whether a run has stopped because of its own limit on credits: the same command would stop again."""
    return isinstance(stopped, InsufficientCreditsError) and stopped.http_status is None


def choose_exit_code(status: BatchStatus, stopped: BlumaError | None, *, saves_files: bool) -> ExitCode:
    """
    Return the exit code of a run.

    Args:
        status: The jobs of the journal.
        stopped: Why the run has stopped early; None if it has not. An answer of the API has the code of its error.
        saves_files: Whether videos are saved: a job without its file is not finished then.
    """
    if isinstance(stopped, APIError) and stopped.http_status is not None:
        return find_exit_code(stopped)
    finished = status.saved + (0 if saves_files else status.rendered)
    return ExitCode.SUCCESS if stopped is None and finished == status.total else ExitCode.FAILED


def describe_status(status: BatchStatus) -> Generator[str, None, None]:
    """Yield the lines that describe the state of a batch."""
    counts = ", ".join(f"{getattr(status, state)} {state}" for state in STATES if getattr(status, state))
    yield f"{status.total} jobs: {counts.replace('_', ' ') or 'none'}"
    money = (status.credits_charged, status.credits_refunded, status.credits_net)
    yield "{} credits charged, {} refunded, {} net".format(*money)


@contextlib.asynccontextmanager
async def _measuring(batch: Batch, client: AsyncBluma, table: Lines, counter: _Counter) -> AsyncGenerator[None, None]:
    """Pass the figures of a batch to its table now and then, until the end of the block."""

    async def measure() -> None:
        while True:
            await asyncio.sleep(REFRESH)
            with contextlib.suppress(BlumaError):  # the journal is not there yet, or is busy
                status = await batch.status()
                elapsed = time.monotonic() - counter.started
                table.measure(Figures(status, counter.finished, elapsed, counter.requests, client.rate_limit))

    task = asyncio.ensure_future(measure())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
