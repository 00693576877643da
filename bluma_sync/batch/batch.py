# Generated from bluma_async/batch/batch.py by `nox -s facade`: change that, not this.
"""Durable batches: thousands of jobs, each billed once, across crashes and restarts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Iterator

from bluma_sync._portal import iterate, run

if TYPE_CHECKING:
    from typing_extensions import Literal

    from bluma_async.batch import batch as asynchronous
    from bluma_async.batch.intake import Jobs
    from bluma_async.errors import BlumaError
    from bluma_async.types import BatchResult, BatchStatus

__all__ = ["Batch"]


class Batch:
    """
    Many jobs, and the journal of what became of them.

    Kill the process at any moment and run the same jobs again: each is billed once, what is done is not done again.
    """

    def __init__(self, twin: asynchronous.Batch) -> None:
        self._async = twin

    @property
    def stopped(self) -> BlumaError | None:
        """Why the last run submitted no more than it did; None if it submitted everything."""
        return self._async.stopped

    def run(self, jobs: Jobs = None) -> Iterator[BatchResult]:
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
        return iterate(self._async.run(jobs))

    def results(self, state: str | None = None) -> Iterator[BatchResult]:
        """
        Give what the journal says of its jobs, in their order. It may be read while another process runs them.

        Args:
            state: Only those in this state, such as `in_doubt`.
        """
        return iterate(self._async.results(state))

    def status(self) -> BatchStatus:
        """Count the journal's jobs, and sum their credits. It may be read while another process runs them."""
        return run(self._async.status())

    def retry(self, *, in_doubt: Literal["leave", "resubmit"] = "leave") -> int:
        """
        Have the jobs that failed planned again, and return how many; `run` then creates them.

        Args:
            in_doubt: `resubmit` plans those in doubt again, too. If one of the candidates is its video after all, it
                is billed twice.

        Raises:
            BlumaError: Another process uses the journal.
        """
        return run(self._async.retry(in_doubt=in_doubt))

    def adopt(self, key: str, video_id: str) -> BatchResult:
        """
        Settle a job in doubt: this is its video. `run` then waits for it and saves it.

        Raises:
            InvalidArgumentError: There is no such job, it is not in doubt, or the video is another job's.
            NotFoundError: There is no such video.
        """
        return run(self._async.adopt(key, video_id))
