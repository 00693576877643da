"""The values that job stores take and return: the same for every implementation."""

from __future__ import annotations

import json
from enum import Enum
from typing import TYPE_CHECKING, Any, Dict, Mapping, Tuple, Union

import attrs

from bluma_async.types._html import build_card
from bluma_async.types._model import Model, model

if TYPE_CHECKING:
    from datetime import datetime

    from bluma_async.errors import BlumaError
    from bluma_async.stores.states import JobState, Verb

__all__ = [
    "NO_RUN",
    "PAGE_SIZE",
    "BatchStatus",
    "Conflict",
    "ConflictKind",
    "HistoryLine",
    "Intent",
    "InvalidRow",
    "Job",
    "LedgerLine",
    "Outcome",
    "Plan",
    "PlanRow",
    "StoredJob",
    "WantedTemplate",
    "summarize",
]

PAGE_SIZE = 200  # jobs that one read of a store returns at most
NO_RUN = 0  # the run of jobs that were submitted and that no run has taken; runs are counted from 1


@attrs.frozen
class Job:
    """
    A job to be planned.

    Attributes:
        key: Its name in the store, compared as file systems compare names (`fold_key`).
        body: The arguments of its create as canonical JSON. Two jobs with the same body have the same content.
        template_id: Its template; None if it is made from a variant.
        resolution: The resolution it asks for; None for the template's own.
        origin: The row it comes from, such as `jobs.csv, row 3`.
        has_file: Whether a file exists where its video would be saved. A job that is new to the store is then refused,
            because its video would replace a file of the user's.
        key_problem: Why its key cannot be a file name on every system. A job that is new to the store is then refused;
            a key that the store has already stays valid.
    """

    key: str
    body: str
    template_id: str | None
    resolution: str | None
    origin: str
    has_file: bool = False
    key_problem: str = ""


@attrs.frozen
class InvalidRow:
    """A row that cannot become a job. It stands in the plan, so that all refused rows are reported in their order."""

    error: BlumaError


PlanRow = Union[Job, InvalidRow]


@attrs.frozen
class Intent:
    """
    The create that is about to be sent for a job.

    Attributes:
        request_key: The `Idempotency-Key` of the request.
        started_at: When the create begins, by the server's clock.
        epoch: The process that holds the job, in a store that several share: the store accepts the outcome of a create
            only from the process that announced it. 0 in a store of one process.
        price: The probable price in credits, which a shared store holds against its credit limit; None if unknown.
        settles_after: Seconds after the last moment of sending from which a search can prove that the create was not
            accepted: the timeout of an attempt and `settle_time`. Another process settles the intent only then.
    """

    request_key: str
    started_at: datetime
    epoch: int = 0
    price: int | None = None
    settles_after: float = 60.0


@attrs.frozen
class StoredJob:
    """
    A job as a store returns it.

    Attributes:
        place: Identifies the job, and orders jobs as they were planned.
        key: Its name in the store, as it was given.
        body: The arguments of its create as canonical JSON.
        template_id: Its template; None if it is made from a variant.
        resolution: The resolution it asks for; None for the template's own.
        origin: The row it comes from, such as `jobs.csv, row 3`.
        run: The number of the run that it was planned by or for; `NO_RUN` before the first run.
        state: Its state.
        request_key: The `Idempotency-Key` of its newest create; None before the first.
        started_at: When that create began, by the server's clock; None before the first.
        video_id: Its video; None before its create was accepted.
        path: The path or URL of its file; None before it was saved.
        size: The size of its file in bytes; None before it was saved.
        error: The message of the error that stopped it; None without one.
        candidates: For a job in doubt, the ids of the videos that may be its own.
        charged: The credits that its video was billed for it; 0 for a video that was reused.
        is_reused: Whether its video was not billed for this job.
        epoch: The process that holds the job in a store that several processes share; 0 if none does.
    """

    place: int
    key: str
    body: str
    template_id: str | None
    resolution: str | None
    origin: str
    run: int
    state: JobState
    request_key: str | None = None
    started_at: datetime | None = None
    video_id: str | None = None
    path: str | None = None
    size: int | None = None
    error: str | None = None
    candidates: Tuple[str, ...] = ()
    charged: int = 0
    is_reused: bool = False
    epoch: int = 0

    @property
    def arguments(self) -> Dict[str, Any]:
        """The arguments of its create."""
        found: Dict[str, Any] = json.loads(self.body)
        return found


class ConflictKind(Enum):
    """The reason for which a store refused a verb."""

    SAME_JOB = "same_job"  # another row of this run has this key and this content
    SAME_KEY = "same_key"  # another row of this run has this key, with another content
    KEY_IN_USE = "key_in_use"  # a job with another content has this key, and it may have been billed
    UNSAFE_KEY = "unsafe_key"  # the job is new, and its key cannot be a file name on every system
    FILE_EXISTS = "file_exists"  # the job is new, but a file with its name exists
    NO_SUCH_JOB = "no_such_job"
    WRONG_STATE = "wrong_state"  # the table of states does not allow the verb in the job's state
    VIDEO_IN_USE = "video_in_use"  # the video was billed for another job
    NOT_MINE = "not_mine"  # another process has taken over the job
    WAS_MADE = "was_made"  # the create is not released: a process has recorded its video, which is `other`, as a stray
    TURN_TAKEN = "turn_taken"  # another create of the same template has an intent and no outcome
    NO_CREDITS = "no_credits"  # the shared limit could be exceeded; `other` has the credits that are spent or held


@attrs.frozen
class Conflict:
    """
    A verb that a store refused. Nothing was changed.

    Attributes:
        kind: The reason.
        verb: The refused verb.
        key: The job's key; empty if there is no such job.
        state: The job's present state; None if there is no such job.
        origin: For a job that was to be planned: the row it comes from.
        other: For `same_job` and `same_key`: the row it conflicts with. For `unsafe_key`: the reason. For `no_credits`:
            the credits that are spent or held.
    """

    kind: ConflictKind
    verb: Verb
    key: str = ""
    state: JobState | None = None
    origin: str = ""
    other: str = ""


Outcome = Union[StoredJob, Conflict]  # of a verb: the job as it is afterwards, or why nothing was changed


@attrs.frozen
class Plan:
    """
    The outcome of planning many rows at once.

    Attributes:
        refused: The rows that were refused, in their order. If there are any, nothing was changed.
        mark: The place of the last job before the plan; `forget(mark)` removes the jobs that the plan added.
        added: The number of jobs that are new to the store.
    """

    refused: Tuple[Union[Conflict, InvalidRow], ...]
    mark: int
    added: int = 0


@attrs.frozen
class WantedTemplate:
    """A template that planned jobs need, with the first row that asks for it at this resolution."""

    template_id: str
    resolution: str | None
    origin: str


@attrs.frozen
class LedgerLine:
    """
    A video that was billed, and the credits it was charged and refunded.

    Attributes:
        video_id: The video.
        key: The key of its job, or of a create without a job; empty if that had none.
        charged: The credits that it was charged; None if the answer to a create without a job named no charge.
        refunded: The credits that were given back because its render failed; None for a create without a job: nobody
            records how its render ends.
    """

    video_id: str
    key: str
    charged: int | None
    refunded: int | None


@attrs.frozen
class HistoryLine:
    """One step of a job. A bill and an adoption are both steps to `rendering`; the note tells them apart."""

    at: datetime
    state: JobState
    note: str | None


@model
class BatchStatus(Model):
    """
    The number of jobs in each state, and the credits that they cost.

    `credits_refunded` are the credits of failed renders; the API refunds them without being asked.
    """

    total: int = 0
    planned: int = 0
    creating: int = 0
    rendering: int = 0
    rendered: int = 0
    saved: int = 0
    failed: int = 0
    in_doubt: int = 0
    credits_charged: int = 0
    credits_refunded: int = 0

    @property
    def credits_net(self) -> int:
        """Credits charged, less those refunded."""
        return self.credits_charged - self.credits_refunded

    def _repr_html_(self) -> str:
        states = ("planned", "creating", "rendering", "rendered", "saved", "failed", "in_doubt")
        counts = {name.replace("_", " "): getattr(self, name) or None for name in states}
        return build_card(f"{self.total} jobs", {**counts, "credits": self.credits_net})


def summarize(counts: Mapping[str, int], charged: int, refunded: int) -> BatchStatus:
    """Return the status for the number of jobs in each state, and the sums of the ledger."""
    return BatchStatus(total=sum(counts.values()), credits_charged=charged, credits_refunded=refunded, **counts)
