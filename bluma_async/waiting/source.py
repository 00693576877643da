"""The interface between the poller and the jobs that it polls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, Hashable, Mapping, Protocol, Sequence, TypeVar

if TYPE_CHECKING:
    from bluma_async._session.pauses import BudgetPause
    from bluma_async.errors import APIError
    from bluma_async.waiting.contact import Contact
    from bluma_async.waiting.pace import Pace

__all__ = ["Source"]

S = TypeVar("S")


class Source(Protocol[S]):
    """Reads the states of jobs: the poller knows how to poll, a source knows one kind of job."""

    @property
    def group(self) -> Hashable:
        """The account. Jobs of one group are polled together, those of different groups never."""
        ...

    @property
    def jobs_per_poll(self) -> int:
        """The number of jobs that one request can read."""
        ...

    async def poll(self, job_ids: Sequence[str], within: float) -> Mapping[str, S | APIError | None]:
        """
        Read the present states of jobs in full.

        Args:
            job_ids: At most `jobs_per_poll` ids.
            within: Seconds that this may take.

        Returns:
            For each id its state, the error that ends its waits, or None if this poll did not see it.

        Raises:
            APIError: The request was refused; this ends the waits of all these jobs, unless it is a transient error.
            NetworkError: No answer came; the jobs are polled again.
        """
        ...

    async def list_active(self, most_pages: int, within: float) -> tuple[Dict[str, S], int] | None:
        """
        Read the states of all jobs that are not finished.

        Args:
            most_pages: The number of requests that are worth it; more would cost more than single reads.
            within: Seconds that each request may take.

        Returns:
            The states by id and the number of requests; None if there is no such list, or it has too many pages.
        """
        ...

    def merge_event(self, last: S | None, event: Any) -> S | None:
        """Return the state that an event reports, merged into the last one; None if the job must be polled instead."""
        ...

    def is_final(self, state: S) -> bool:
        """Whether the job will not change any more."""
        ...

    def status(self, state: S) -> str:
        """Return the status in a state, as the server names it."""
        ...

    def is_known(self, state: S) -> bool:
        """Whether this version knows the status, and so whether it is final."""
        ...

    def progress(self, state: S) -> int | None:
        """The percentage that the server reports, from 0 to 100; None if it reports none."""
        ...

    def timeout_error(self, job_id: str, last: S | None, timeout: float, contact: Contact) -> Exception:
        """Return the error for a wait that timed out after so many seconds."""
        ...

    def pace(self) -> Pace:
        """The pace of requests that the budget allows now."""
        ...

    def report_pause(self, pause: BudgetPause) -> None:
        """Log that polls wait for the budget, once for each pause."""
        ...
