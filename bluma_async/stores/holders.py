"""
Decide who may move a job that several processes share, and what follows for its intent. Nothing here reads or writes.

Rule 1: only the process that holds a job moves it. A process that was frozen beyond its lease finds another holder: its
verb is refused, and the video that it has paid is recorded as a stray.
Rule 2: a verb that is repeated, because the connection was lost after it, is not refused for its own work.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Mapping

from bluma_async.errors import InvalidArgumentError
from bluma_async.stores.states import JobState, Verb

if TYPE_CHECKING:
    from bluma_async.stores.jobs import StoredJob
    from bluma_async.stores.transitions import Change

__all__ = ["ACTIVE", "ENDS_INTENT", "build_folder_error", "exceeds_limit", "is_done", "is_foreign", "is_stray"]

ACTIVE = (JobState.PLANNED, JobState.CREATING, JobState.RENDERING, JobState.RENDERED)  # a run has work left to do
ENDS_INTENT: Mapping[Verb, str] = {
    Verb.BILL: "billed",
    Verb.ADOPT: "billed",
    Verb.RELEASE: "released",
    Verb.DOUBT: "doubt",
    Verb.FAIL: "failed",
    Verb.REPLAN: "replanned",
}
_TARGETS: Mapping[Verb, JobState] = {
    Verb.INTEND: JobState.CREATING,
    Verb.REUSE: JobState.RENDERING,
    Verb.BILL: JobState.RENDERING,
    Verb.ADOPT: JobState.RENDERING,
    Verb.RELEASE: JobState.PLANNED,
    Verb.DOUBT: JobState.IN_DOUBT,
    Verb.FAIL: JobState.FAILED,
    Verb.REFUND: JobState.FAILED,
    Verb.MARK_RENDERED: JobState.RENDERED,
    Verb.MARK_SAVED: JobState.SAVED,
}


def is_foreign(epoch: int, job: StoredJob) -> bool:
    """
    Return whether another process holds the job; what a user decides about an ended job needs no holder.

    An open create that was abandoned is nobody's: a late answer to an earlier create of the job says nothing about it.
    """
    if job.state == JobState.CREATING:
        return job.epoch != epoch
    return job.state in ACTIVE and job.epoch not in {0, epoch}


def is_done(job: StoredJob, change: Change) -> bool:
    """Return whether a job is as a change leaves it: an earlier attempt at the change was committed."""
    fields = {name: value for name, value in change.fields.items() if name != "error"}
    has_fields = all(getattr(job, name) == value for name, value in fields.items())
    return has_fields and job.state == _TARGETS.get(change.verb)


def is_stray(job: StoredJob, change: Change) -> bool:
    """Return whether a refused change has paid a video that belongs to no job: another process has taken over."""
    return change.verb is Verb.BILL and change.bill is not None and job.video_id != change.bill.video_id


def exceeds_limit(price: int | None, used: int, limit: float | None) -> bool:
    """Return whether a create could exceed a credit limit: without a known price, it can exceed any limit."""
    return limit is not None and (price is None or used + price > limit)


def build_folder_error(name: str, agreed: str, out: str) -> InvalidArgumentError:
    """Return the error for a process that names another folder than the ones before it."""
    return InvalidArgumentError(
        f"The journal {name} saves its files to {agreed!r}, not to {out!r}. All processes of a batch need one folder. "
        "Nothing was created."
    )
