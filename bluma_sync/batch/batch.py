# Generated from bluma_async/batch/batch.py by `nox -s facade`: change that, not this.
"""Durable batches: thousands of jobs, each billed once, across crashes and restarts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Iterator

from bluma_sync._portal import iterate, run

if TYPE_CHECKING:
    from typing_extensions import Literal

    from bluma_async.batch import batch as asynchronous
    from bluma_async.batch.audit_results import BatchAudit
    from bluma_async.batch.frames import Frame
    from bluma_async.batch.plans import BatchPlan
    from bluma_async.batch.results import BatchResult
    from bluma_async.batch.sources import Jobs
    from bluma_async.errors import BlumaError
    from bluma_async.stores.jobs import BatchStatus
    from bluma_async.stores.states import JobState, JobStateName

__all__ = ["Batch"]


class Batch:
    """
    Many jobs, and a journal of the steps of each.

    Kill the process at any moment and run the same jobs again: each is billed once, and finished jobs are skipped.
    """

    def __init__(self, twin: asynchronous.Batch) -> None:
        self._async = twin

    @property
    def stopped(self) -> BlumaError | None:
        """The reason why the last run stopped submitting jobs; None if it submitted all of them."""
        return self._async.stopped

    def run(self, jobs: Jobs = None) -> Iterator[BatchResult]:
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
        return iterate(self._async.run(jobs))

    def plan(self, jobs: Jobs = None) -> BatchPlan:
        """
        Return what `run` would do with these jobs, and cost. Nothing is created, and the journal is not changed.

        Templates, variants and the balance are read. Every row is checked as in `run`; an iterator is consumed.

        Args:
            jobs: The same as for `run`. None plans the jobs of the journal.

        Raises:
            InvalidArgumentError: The file cannot be parsed at all. Invalid rows are counted, and do not raise.
            BlumaError: The API cannot be reached.
        """
        return run(self._async.plan(jobs))

    def submit(self, jobs: Jobs) -> int:
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
        return run(self._async.submit(jobs))

    def wait(self, key: str, timeout: float = 3600.0) -> BatchResult:
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
        return run(self._async.wait(key, timeout))

    def audit(self) -> BatchAudit:
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
        return run(self._async.audit())

    def results(self, state: JobState | JobStateName | None = None) -> Iterator[BatchResult]:
        """
        Yield the recorded result of each job, in their order. Another process may be running them meanwhile.

        Args:
            state: Only jobs in this state, such as `in_doubt`.

        Raises:
            InvalidArgumentError: There is no journal, or no such state.
            BlumaError: The journal cannot be read.
        """
        return iterate(self._async.results(state))

    def to_frame(self, jobs: Frame | None = None, *, library: Literal["pandas", "polars"] | None = None) -> Any:
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
        return run(self._async.to_frame(jobs, library=library))

    def status(self) -> BatchStatus:
        """
        Count the jobs in each state, and sum their credits. Another process may be running them meanwhile.

        Raises:
            InvalidArgumentError: There is no journal.
            BlumaError: The journal cannot be read.
        """
        return run(self._async.status())

    def retry(self, *, in_doubt: Literal["leave", "resubmit"] = "leave") -> int:
        """
        Plan the failed jobs again, and return their number. The next `run` works on them.

        Args:
            in_doubt: `resubmit` also plans the jobs in doubt again. A job is then billed twice if one of its candidates
                was its video. One whose video another process has recorded meanwhile gets that, and is not billed.

        Raises:
            InvalidArgumentError: There is no journal, or it is of another account. No job was planned.
            BlumaError: Another process uses the journal, or the key is refused. No job was planned.
        """
        return run(self._async.retry(in_doubt=in_doubt))

    def adopt(self, key: str, video_id: str) -> BatchResult:
        """
        Name the video of a job in doubt. The next `run` waits for it and saves it.

        Its charge is the one that the API names, or else the listed price of its template at the job's resolution.

        Raises:
            InvalidArgumentError: There is no journal, no such job is in doubt, the video is another job's, or the
                journal another account's.
            NotFoundError: The video does not exist.
        """
        return run(self._async.adopt(key, video_id))
