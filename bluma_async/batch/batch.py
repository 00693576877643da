"""Durable batches: thousands of jobs, each billed once, across crashes and restarts."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, AsyncGenerator, AsyncIterator

from bluma_async._wire.checks import invalid, require_choice
from bluma_async.batch import moves, records
from bluma_async.batch.catalog import Catalog
from bluma_async.batch.create_turns import CreateTurns
from bluma_async.batch.credit_limit import CreditLimit
from bluma_async.batch.folder import require_folder
from bluma_async.batch.intake import Jobs, entries_of
from bluma_async.batch.journal import Journal
from bluma_async.batch.recovery import recover, require_account
from bluma_async.batch.run import Run
from bluma_async.batch.steps import Steps
from bluma_async.batch.terms import Api, Stop, Terms
from bluma_async.types import BatchResult, BatchStatus, JobState

if TYPE_CHECKING:
    from typing_extensions import Literal

    from bluma_async.errors import BlumaError

__all__ = ["Batch"]


class Batch:
    """
    Many jobs, and the journal of what became of them.

    Kill the process at any moment and run the same jobs again: each is billed once, what is done is not done again.
    """

    def __init__(self, terms: Terms, api: Api) -> None:
        self._terms = terms
        self._api = api
        self._stop = Stop()

    @property
    def stopped(self) -> BlumaError | None:
        """Why the last run submitted no more than it did; None if it submitted everything."""
        return self._stop.reason

    async def run(self, jobs: Jobs = None) -> AsyncIterator[BatchResult]:
        """
        Run jobs, and give what becomes of each when it is known. Jobs that were done before are not done again.

        A job is a mapping: `template_id` or `variant_id`, `prompt`, and where they are wanted `key`, `resolution`,
        `watermark`, `webhook_url`, a whole `context`, or parts of it as `context.NAME`. Two jobs of the same content
        need different keys.

        Of each template one create at a time is under way, so that a lost answer can be told apart: it is looked for,
        and the video taken if it is the only one that may be it. A job with several is put in doubt and never billed
        again by itself: see `adopt` and `retry`.

        Args:
            jobs: The path of a CSV or JSONL file, a list, or anything that can be looped over. Files and lists are
                checked as a whole before the first create; others are read as their jobs are begun. None goes on with
                all that the journal has.

        Raises:
            InvalidArgumentError: A job, the folder or the journal cannot be right. Nothing was created, unless the
                jobs came one by one.
            BlumaError: Another process uses the journal, the disk refuses, or with `on_error="raise"` a job failed.
        """
        self._stop = stop = Stop()
        if self._terms.out is not None:
            await require_folder(self._terms.out)
        async with self._journal(to_write=True) as journal:
            await require_account(journal, self._api)
            for doubt in await recover(journal, self._api):
                if self._terms.on_error == "raise" and doubt.error is not None:
                    raise doubt.error
                yield doubt
            spent = (await journal.do(records.statistics)).credits_net
            credit_limit = CreditLimit(self._terms.max_credits, spent)
            catalog = Catalog(self._api, credit_limit)
            steps = Steps(self._terms, self._api, journal, catalog, credit_limit, CreateTurns(), stop)
            entries = entries_of(jobs, self._terms, journal, catalog, stop)
            run = Run(self._terms, steps, stop, entries).results()
            try:
                async for result in run:
                    yield result
            finally:
                await run.aclose()

    async def results(self, state: str | None = None) -> AsyncIterator[BatchResult]:
        """
        Give what the journal says of its jobs, in their order. It may be read while another process runs them.

        Args:
            state: Only those in this state, such as `in_doubt`.
        """
        if state is not None:
            require_choice("state", state, JobState)
        async with self._journal(to_write=False) as journal:
            after = 0
            while page := await journal.do(records.listed, state, after):
                for entry in page:
                    yield entry.result()
                after = page[-1].place

    async def status(self) -> BatchStatus:
        """Count the journal's jobs, and sum their credits. It may be read while another process runs them."""
        async with self._journal(to_write=False) as journal:
            return await journal.do(records.statistics)

    async def retry(self, *, in_doubt: Literal["leave", "resubmit"] = "leave") -> int:
        """
        Have the jobs that failed planned again, and return how many; `run` then creates them.

        Args:
            in_doubt: `resubmit` plans those in doubt again, too. If one of the candidates is its video after all, it
                is billed twice.

        Raises:
            BlumaError: Another process uses the journal.
        """
        require_choice("in_doubt", in_doubt, ("leave", "resubmit"))
        states = [JobState.FAILED] + [JobState.IN_DOUBT] * (in_doubt == "resubmit")
        async with self._journal(to_write=True) as journal:
            return await journal.do(moves.replan, states)

    async def adopt(self, key: str, video_id: str) -> BatchResult:
        """
        Settle a job in doubt: this is its video. `run` then waits for it and saves it.

        Raises:
            InvalidArgumentError: There is no such job, it is not in doubt, or the video is another job's.
            NotFoundError: There is no such video.
        """
        async with self._journal(to_write=True) as journal:
            entry = await journal.do(records.find, key)
            if entry is None or entry.state != JobState.IN_DOUBT:
                known = "there is no such job" if entry is None else f"it is {entry.state}"
                raise invalid("key", f"Job {key!r} is not in doubt: {known}.")
            if await journal.do(records.is_billed, video_id):
                raise invalid("video_id", f"Video {video_id} is another job's.")
            video = await self._api.videos.get(video_id)
            await journal.do(moves.bill, entry, video.id, video.credits_charged, "adopted")
            return (await journal.do(records.read, entry.place)).result()

    @asynccontextmanager
    async def _journal(self, *, to_write: bool) -> AsyncGenerator[Journal, None]:
        journal = await Journal.open(self._terms.journal, to_write=to_write)
        try:
            yield journal
        finally:
            await journal.close()
