"""
Define the ports: the methods that batches and receivers call on a store. Each database has its own implementation.

Rule 1: a verb is one transaction. It happens wholly or not at all, also when its caller is cancelled.
Rule 2: a verb that does not fit the stored state changes nothing and returns a Conflict. The caller knows the row, and
turns the Conflict into an error for the user. A store raises only if it cannot work, as on a full disk.
Rule 3: a store reads no clock but the one it was given; the start of a create is passed in, because it counts by the
server's clock.
Rule 4: a store that several processes share has a `Sharing`; its clock alone decides who is alive.
"""

from __future__ import annotations

from typing import (
    TYPE_CHECKING,
    Awaitable,
    Collection,
    Iterable,
    List,
    Mapping,
    Protocol,
    Sequence,
    Union,
    runtime_checkable,
)

if TYPE_CHECKING:
    from datetime import datetime

    from bluma_async.stores.jobs import (
        BatchStatus,
        HistoryLine,
        Intent,
        Job,
        LedgerLine,
        Outcome,
        Plan,
        PlanRow,
        StoredJob,
        WantedTemplate,
    )
    from bluma_async.stores.sharing import Sharing
    from bluma_async.stores.states import JobState

__all__ = ["EventStore", "JobStore", "LeasingEventStore"]


class EventStore(Protocol):
    """
    Remembers webhook events, so that each is handled once.

    An event is claimed before its handlers run, and finished when they have returned; an event that is already claimed
    is not handled again. The methods may be plain or async. Plain methods are called in a thread and may block, but the
    receiver waits 4 s at most.

    If `claim` raises, or takes longer, the delivery is answered with 503, so that Bluma sends the event again. The
    process that made such a claim handles the event then, also if `claim` returns False, since it may have been
    recorded all the same. With a store that several processes share, implement `LeasingEventStore`: it also survives
    that the process is killed between the claim and the answer.
    """

    def claim(self, event_id: str, body: bytes) -> Union[bool, Awaitable[bool]]:
        """Record an event with its body if it is new; return whether it is. Of concurrent claims one returns True."""
        ...

    def finish(self, event_id: str) -> Union[Awaitable[None], None]:
        """Record that an event was handled."""
        ...

    def unfinished(self) -> Union[List[bytes], Awaitable[List[bytes]]]:
        """Claim again the events that were claimed long ago and never finished, and return their bodies."""
        ...


@runtime_checkable
class LeasingEventStore(EventStore, Protocol):
    """
    An event store whose claims end by themselves: a killed process loses its events to the others.

    `claim` also returns True for an event whose claim is older than `lease` and that was not finished. The receiver
    renews the claims of the events that it is still handling. An event that another process holds is answered with 503,
    so that Bluma sends it again until it is finished, or its claim has ended.
    """

    @property
    def lease(self) -> float:
        """Seconds after which a claim ends that was neither renewed nor finished."""
        ...

    def renew(self, event_ids: Sequence[str]) -> Union[Awaitable[None], None]:
        """Prolong the claims of events that are not finished: their leases begin now."""
        ...

    def is_finished(self, event_id: str) -> Union[bool, Awaitable[bool]]:
        """Return whether an event was handled."""
        ...


class JobStore(Protocol):
    """
    Remembers the jobs of a batch, the intent and the outcome of each create, and every bill.

    `states.py` has the table of states and verbs. Verbs that move one job return the job as it is afterwards, or a
    Conflict.
    """

    @property
    def name(self) -> str:
        """The name of the store in error messages, such as the path of its file."""
        ...

    @property
    def sharing(self) -> Sharing | None:
        """The port that shares jobs among processes; None in a store for one process, submissions, or reading."""
        ...

    async def plan_all(self, rows: Iterable[PlanRow], *, most: int) -> Plan:
        """
        Begin a run with these jobs: all of them are planned, or if any row is refused, none.

        A job that the store has already keeps its state and joins the run; its content may be corrected as long as it
        was never billed.

        Args:
            rows: Iterated once, in a thread if the store uses threads. Its exceptions undo the plan, and are raised.
            most: Refused rows after which no more rows are read.
        """
        ...

    async def submit(self, rows: Iterable[PlanRow], *, most: int) -> Plan:
        """
        Add jobs without a run: all of them are planned, or if any row is refused, none.

        Jobs that the store has already stay as they are. Another process may run jobs of the store meanwhile: the run
        takes the new ones if it continues the whole store, as after `resume`; otherwise a later run does.

        Args:
            rows: Iterated once, as in `plan_all`.
            most: Refused rows after which no more rows are read.
        """
        ...

    async def begin_run(self) -> None:
        """Begin a run without jobs; `plan` adds them."""
        ...

    async def resume(self) -> None:
        """Begin a run with all jobs of the store."""
        ...

    async def plan(self, job: Job) -> Outcome:
        """Add a job to the present run, by the rules of `plan_all`."""
        ...

    async def forget(self, mark: int) -> None:
        """Delete the jobs above the mark that the present run has planned. Jobs that were submitted meanwhile stay."""
        ...

    async def replan(self, states: Collection[JobState]) -> int:
        """Plan jobs in these states again if the table allows it, or give one in doubt its video; return how many."""
        ...

    async def intend(self, place: int, intent: Intent) -> Outcome:
        """Record that the create of a planned job is about to be sent."""
        ...

    async def release(self, place: int, reason: str) -> Outcome:
        """Record that a create was certainly refused: the job is planned again."""
        ...

    async def reuse(self, place: int, video_id: str) -> Outcome:
        """Record the video that was bought before for the content of a planned job. The job is not billed."""
        ...

    async def bill(
        self, place: int, video_id: str, charged: int, *, request_key: str | None, note: str | None = None
    ) -> Outcome:
        """Record the returned video and its charge; a process that took over the job finds it by `request_key`."""
        ...

    async def adopt(self, place: int, video_id: str, charged: int) -> Outcome:
        """Record the video of a job in doubt, unless the video was billed for another job."""
        ...

    async def doubt(self, place: int, candidates: Sequence[str], reason: str) -> Outcome:
        """Record that the job may be billed, and the videos that may be its own, the likeliest first."""
        ...

    async def fail(self, place: int, reason: str) -> Outcome:
        """Record that the job has failed. If it was charged, the charge stays recorded."""
        ...

    async def mark_rendered(self, place: int, charged: int, size: int | None) -> Outcome:
        """Record that the video is rendered, with its final charge and its size in bytes, if that is known."""
        ...

    async def refund(self, place: int, reason: str) -> Outcome:
        """Record that the render failed, and that the charge was refunded."""
        ...

    async def mark_saved(self, place: int, path: str, size: int | None) -> Outcome:
        """Record the file of the job, which is complete."""
        ...

    async def read(self, place: int) -> StoredJob | None:
        """Return a job by its place."""
        ...

    async def find(self, key: str) -> StoredJob | None:
        """Return a job by its key; of several that are equal by `fold_key`, the one that is equal in ASCII case."""
        ...

    async def find_all(self, keys: Sequence[str]) -> Mapping[str, StoredJob]:
        """Return the jobs that have one of these keys, each by the key that was asked for. At most 1,000 keys."""
        ...

    async def to_do(self, after: int) -> List[StoredJob]:
        """
        Return the next jobs of the present run whose place is above `after`, in order; none at the end.

        Failed jobs and jobs in doubt are left out. Saved jobs are not: only the caller can see whether their file is
        still there.
        """
        ...

    async def list_jobs(self, state: str | None, after: int) -> List[StoredJob]:
        """Return the next jobs whose place is above `after`, in one state or in any; none at the end."""
        ...

    async def list_creating(self) -> List[StoredJob]:
        """Return the jobs whose create has an intent and no outcome."""
        ...

    async def list_wanted_templates(self) -> List[WantedTemplate]:
        """Return the templates and resolutions that the planned jobs of the present run need."""
        ...

    async def list_recent_videos(self, most: int) -> List[str]:
        """Return the ids of the jobs' videos, the most recent create first."""
        ...

    async def list_candidates(self) -> List[str]:
        """Return the ids of all candidates of jobs in doubt."""
        ...

    async def is_billed(self, video_id: str) -> bool:
        """Return whether a video is in the ledger."""
        ...

    async def statistics(self) -> BatchStatus:
        """Count the jobs in each state, and sum the ledger."""
        ...

    async def list_ledger(self, after: str) -> List[LedgerLine]:
        """Return the next lines of the ledger, in the order of the videos' ids; the page begins behind an id."""
        ...

    async def read_first_create(self) -> datetime | None:
        """Return when the first create was announced, by the clock of its process; None before it."""
        ...

    async def find_announced(self, video_ids: Sequence[str]) -> Mapping[str, datetime]:
        """Return when the creates of these videos were announced, as far as a job has them; at most 200 videos."""
        ...

    async def history(self, place: int) -> List[HistoryLine]:
        """Return the steps of a job, the first one first."""
        ...

    async def read_account(self) -> str | None:
        """Return the fingerprint of the account that the videos belong to; None before the first run."""
        ...

    async def write_account(self, fingerprint: str) -> None:
        """Record the fingerprint of the account."""
        ...

    async def read_preset(self, template_id: str) -> str | None:
        """Return the private variant of a template that the jobs are created from; None before the first."""
        ...

    async def write_preset(self, template_id: str, variant_id: str) -> None:
        """Record the private variant of a template."""
        ...

    async def agree(self, max_credits: float | None, out: str | None) -> None:
        """
        Agree with the other processes, if any, on the credit limit and the folder; None leaves what was agreed on.

        Raises:
            InvalidArgumentError: Another folder was agreed on.
        """
        ...

    async def close(self) -> None:
        """Release the store, also when cancelled. Closing again does nothing."""
        ...
