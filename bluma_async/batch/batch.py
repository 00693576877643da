"""Durable batches: thousands of jobs, each billed once, across crashes and restarts."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, AsyncGenerator, AsyncIterator, Awaitable, Callable, Tuple

from bluma_async._runtime.threads import in_thread
from bluma_async._wire.checks import require_choice, require_seconds
from bluma_async.batch.account_check import check_account, require_account
from bluma_async.batch.adopting import adopt_video
from bluma_async.batch.api import BatchApi, StopSignal
from bluma_async.batch.audit import audit_ledger
from bluma_async.batch.bought_contents import free_contents
from bluma_async.batch.catalog import Catalog
from bluma_async.batch.credit_limit import CreditLimit
from bluma_async.batch.deferral import defer_interrupted
from bluma_async.batch.frame_results import build_results, join_results
from bluma_async.batch.frames import is_frame, require_frame
from bluma_async.batch.intake import plan_jobs, submit_jobs
from bluma_async.batch.journals import choose_store, has_journal
from bluma_async.batch.parts import build_parts
from bluma_async.batch.planning import Planner
from bluma_async.batch.results import BatchResult, build_result
from bluma_async.batch.row_checks import RowChecks
from bluma_async.batch.waits import wait_for_job
from bluma_async.batch.workers import Workers
from bluma_async.stores.states import JobState, JobStateName

if TYPE_CHECKING:
    from typing_extensions import Literal

    from bluma_async.batch.audit_results import BatchAudit
    from bluma_async.batch.frames import Frame
    from bluma_async.batch.options import BatchOptions
    from bluma_async.batch.plans import BatchPlan
    from bluma_async.batch.recovery import Recovery
    from bluma_async.batch.sources import Jobs
    from bluma_async.errors import BlumaError
    from bluma_async.stores.jobs import BatchStatus
    from bluma_async.stores.ports import JobStore

__all__ = ["Batch", "read_setup"]


class Batch:
    """
    Many jobs, and a journal of the steps of each.

    Kill the process at any moment and run the same jobs again: each is billed once, and finished jobs are skipped.
    """

    def __init__(
        self, options: BatchOptions, api: BatchApi, open_store: Callable[..., Awaitable[JobStore]] | None = None
    ) -> None:
        self._options = options
        self._api = api
        self._is_own_store = open_store is not None
        self._open_store = open_store or choose_store(options)
        self._stop = StopSignal()
        self._frame: object = None  # of the last run

    @property
    def stopped(self) -> BlumaError | None:
        """The reason why the last run stopped submitting jobs; None if it submitted all of them."""
        return self._stop.reason

    async def run(self, jobs: Jobs = None) -> AsyncIterator[BatchResult]:
        """
        Run jobs, and yield the result of each as it finishes. Jobs that an earlier run finished are skipped.

        A job is a mapping with `template_id` or `variant_id`, `prompt`, and optionally `key`, `resolution`,
        `watermark`, `webhook_url`, and `context` or its parts as `context.NAME`. Equal jobs need different keys.

        Of each template, one create at a time is in flight, so that a lost answer belongs to one job. Its video is
        searched for. With `exclusive` a single candidate is adopted, unless a foreign video disproves that; otherwise
        the job is in doubt, with its candidates, and is only billed again if you ask: see `adopt` and `retry`.

        Args:
            jobs: The path of a CSV or JSONL file, a list or a data frame, which are validated as a whole before the
                first create; or any iterable, which is read as its jobs start. None continues all jobs of the journal.

        Raises:
            InvalidArgumentError: A job, the folder or the journal is invalid. Nothing was created, unless by a stream.
            BlumaError: Another process uses the journal, the disk refuses, or with `on_error="raise"` a job failed.
        """
        self._stop = stop = StopSignal()
        await self._prepare(jobs)
        async with self._opened(to_write=True) as store:
            recovery, results = await self._begin(jobs, store, stop)
            try:
                async for result in results:
                    yield result
                await recovery.rest()
            finally:
                await results.aclose()
                await recovery.end()

    async def _begin(
        self, jobs: Jobs, store: JobStore, stop: StopSignal
    ) -> Tuple[Recovery, AsyncGenerator[BatchResult, None]]:
        """Return what a run has to settle, and its results."""
        parts = await build_parts(self._options, self._api, store, stop)
        checks = RowChecks(parts.api.session, parts.catalog)
        planned = plan_jobs(jobs, self._options, store, parts.catalog, checks, stop, parts.shared)
        if parts.shared is None:
            planned = defer_interrupted(planned, parts.recovery)
        else:
            parts.shared.settle_for_turns()
        return parts.recovery, Workers(self._options, parts.runner, stop, planned).results()

    async def plan(self, jobs: Jobs = None) -> BatchPlan:
        """
        Return what `run` would do with these jobs, and cost. Nothing is created, and the journal is not changed.

        Templates, variants and the balance are read. Every row is checked as in `run`; an iterator is consumed.

        Args:
            jobs: The same as for `run`. None plans the jobs of the journal.

        Raises:
            InvalidArgumentError: The file cannot be parsed at all. Invalid rows are counted, and do not raise.
            BlumaError: The API cannot be reached.
        """
        if self._options.files is not None:
            await self._options.files.look()
        if self._is_own_store or jobs is None or await has_journal(self._options):
            async with self._opened(to_write=False) as store:
                return await Planner(self._options, self._api, store).plan(jobs)
        return await Planner(self._options, self._api, None).plan(jobs)

    async def submit(self, jobs: Jobs) -> int:
        """
        Plan jobs, and return the number of new ones. Nothing is created: a `run` or a worker does that, in any process.

        Jobs that the journal has already stay as they are. Workers take the new ones at once. A `run` of another
        process takes them if it was started without jobs and still has jobs to start; otherwise a later `run` does.

        Args:
            jobs: As for `run`. An iterable is read to its end before any of its jobs is planned.

        Raises:
            InvalidArgumentError: A job, the folder or the journal is invalid. None was planned.
            BlumaError: The templates cannot be read, or the journal cannot be used. Submit again; each is planned once.
        """
        await self._prepare(jobs)
        async with self._opened(to_write=True, only_plans=True) as store:
            await require_account(store, self._api)
            await store.agree(self._options.max_credits, self._options.folder)
            catalog = Catalog(self._api, CreditLimit(self._options.max_credits, 0))
            return await submit_jobs(jobs, self._options, store, catalog, RowChecks(self._api.session, catalog))

    async def wait(self, key: str, timeout: float = 3600.0) -> BatchResult:
        """
        Return the result of a job as soon as it has ended, whichever process runs it.

        A job ends when its file is saved (without `out`: when its video is rendered), fails, or is in doubt. This call
        does not run it. PostgreSQL reports the end at once, and is waited for if lost; a file is read twice a second.

        Args:
            key: The key of the job.
            timeout: Seconds to wait; at least 0.

        Raises:
            InvalidArgumentError: There is no such job or no such journal, or an argument is invalid.
            WaitTimeoutError: The job did not end in time; its message has the state that was seen last.
            BlumaError: The journal cannot be opened. Nothing was changed.
        """
        require_seconds("timeout", timeout)
        async with self._opened(to_write=False) as store:
            return await wait_for_job(store, self._api.clock, key, timeout, saves=self._options.saves_files)

    async def audit(self) -> BatchAudit:
        """
        Compare the ledger of the journal with the account's transactions, page by page, and return the differences.

        Only payments since the first create of the journal can be unknown, such as those of other programs on the
        account. The clocks are compared by the journal's own payments: a payment of the 2 s before may be listed too,
        and one of the minute before if there is no own payment. A database also has a line for each create without a
        job; its refund is not compared, because nobody records how its render ends. While another process runs the
        batch, steps that only one side has yet are differences, such as refunds.

        Raises:
            InvalidArgumentError: There is no journal, it is of another account, or the key is a test key.
            ForbiddenError: The key lacks the scope `credits:read`.
            BlumaError: The transactions could not be read to their end; nothing can be concluded then.
        """
        async with self._opened(to_write=False) as store:
            return await audit_ledger(store, self._api)

    async def results(self, state: JobState | JobStateName | None = None) -> AsyncIterator[BatchResult]:
        """
        Yield the recorded result of each job, in their order. Another process may be running them meanwhile.

        Args:
            state: Only jobs in this state, such as `in_doubt`.

        Raises:
            InvalidArgumentError: There is no journal, or no such state.
            BlumaError: The journal cannot be read.
        """
        if state is not None:
            require_choice("state", state, JobState)
        async with self._opened(to_write=False) as store:
            after = 0
            while page := await store.list_jobs(state, after):
                for job in page:
                    yield build_result(job)
                after = page[-1].place

    async def to_frame(self, jobs: Frame | None = None, *, library: Literal["pandas", "polars"] | None = None) -> Any:
        """
        Return the recorded results as a data frame: those of the journal, whichever run finished them.

        The columns `key`, `state`, `video_id`, `path`, `credits_charged`, `error`, `candidates` (ids with spaces
        between them) and `reused` stand beside the rows of the jobs. A result belongs to a row if its key and its
        content are the same; a row without a result has no state.

        Args:
            jobs: The data frame with the jobs; the result is of its library. Default: the frame of the last `run` or
                `submit` of this object, or without one all jobs of the journal, with these columns alone.
            library: The library of the result for all jobs of the journal; default: polars, or else pandas.

        Raises:
            InvalidArgumentError: A row is invalid, there is no journal, or a library is not installed.
        """
        frame = self._frame if jobs is None else jobs
        async with self._opened(to_write=False) as store:
            return await (build_results(store, library) if frame is None else join_results(store, frame))

    async def status(self) -> BatchStatus:
        """
        Count the jobs in each state, and sum their credits. Another process may be running them meanwhile.

        Raises:
            InvalidArgumentError: There is no journal.
            BlumaError: The journal cannot be read.
        """
        async with self._opened(to_write=False) as store:
            return await store.statistics()

    async def retry(self, *, in_doubt: Literal["leave", "resubmit"] = "leave") -> int:
        """
        Plan the failed jobs again, and return their number. The next `run` works on them.

        Args:
            in_doubt: `resubmit` also plans the jobs in doubt again. A job is then billed twice if one of its candidates
                was its video. One whose video another process has recorded meanwhile gets that, and is not billed.

        Raises:
            InvalidArgumentError: There is no journal, or it is of another account. No job was planned.
            BlumaError: Another process uses the journal, or the key is refused. No job was planned.
        """
        require_choice("in_doubt", in_doubt, ("leave", "resubmit"))
        states = [JobState.FAILED] + [JobState.IN_DOUBT] * (in_doubt == "resubmit")
        async with self._opened(to_write=True, must_exist=True) as store:
            await check_account(store, self._api)
            await free_contents(store, self._api.session, states)
            return await store.replan(states)

    async def adopt(self, key: str, video_id: str) -> BatchResult:
        """
        Name the video of a job in doubt. The next `run` waits for it and saves it.

        Its charge is the one that the API names, or else the listed price of its template at the job's resolution.

        Raises:
            InvalidArgumentError: There is no journal, no such job is in doubt, the video is another job's, or the
                journal another account's.
            NotFoundError: The video does not exist.
        """
        async with self._opened(to_write=True, must_exist=True) as store:
            await check_account(store, self._api)
            return await adopt_video(store, self._api, key, video_id)

    async def _prepare(self, jobs: Jobs) -> None:
        """Require jobs that can be read and a folder that can be written to, before anything is sent."""
        self._frame = jobs if is_frame(jobs) else None
        if self._frame is not None:
            await in_thread(require_frame, jobs)
        if self._options.files is not None:
            await self._options.files.require()

    @asynccontextmanager
    async def _opened(
        self, *, to_write: bool, only_plans: bool = False, must_exist: bool = False
    ) -> AsyncGenerator[JobStore, None]:
        if must_exist and not self._is_own_store:
            to_write = await has_journal(self._options)  # a missing one is refused for reads, and created for writes
        store = await self._open_store(to_write=to_write, **({"only_plans": True} if only_plans else {}))
        try:
            yield store
        finally:
            await store.close()


def read_setup(batch: Batch) -> Tuple[BatchOptions, BatchApi]:
    """Return the options and the calls of a batch: a worker runs its jobs with them."""
    return batch._options, batch._api  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # no method of users
