"""
Decide which fields a verb changes, or why it is refused. Nothing here reads or writes; stores do.

Rule 1: all stores share these decisions, so that they cannot differ in the states and bills that they record.
Rule 2: a store reads the job, asks `check_change` or `find_plan_conflict`, and applies the change in one transaction.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Dict, Mapping, Sequence

import attrs

from bluma_async.stores.jobs import Conflict, ConflictKind
from bluma_async.stores.states import TRANSITIONS, Verb, find_next_state

if TYPE_CHECKING:
    from bluma_async.stores.jobs import Intent, Job, Outcome, StoredJob

__all__ = [
    "REPLAN",
    "Bill",
    "Change",
    "JobVerbs",
    "build_fields",
    "check_change",
    "correct",
    "find_again",
    "find_plan_conflict",
    "find_submit_conflict",
]


@attrs.frozen
class Bill:
    """A line of the ledger: a video, the credits it was charged, and the `Idempotency-Key` of its create if known."""

    video_id: str
    charged: int
    request_key: str | None = None


@attrs.frozen(kw_only=True)
class Change:
    """
    The fields, the line of the ledger and the note that a verb writes.

    Attributes:
        verb: The verb; it decides the job's next state.
        note: The reason, for the job's history.
        fields: New values of the job's own fields.
        bill: A line to add to the ledger. A video has one line: with one already, the change is refused.
        charged: The corrected charge of the job's video, if it was billed for this job.
        is_refund: Whether the charge of the job's video was refunded, if it was billed for this job.
        intent: The create that is about to be sent; stores of several processes record it, and give it its turn.
    """

    verb: Verb
    note: str | None = None
    fields: Mapping[str, Any] = attrs.field(factory=lambda: {})  # noqa: PIE807 - typed, unlike `dict`
    bill: Bill | None = None
    charged: int | None = None
    is_refund: bool = False
    intent: Intent | None = None


REPLAN = Change(verb=Verb.REPLAN, note="retried", fields={"video_id": None, "error": None, "candidates": ()})


def find_again(video_id: str, charged: int) -> Change:
    """Return the change that gives a job in doubt its video, which another process has recorded for its create."""
    return _with_video(Verb.ADOPT, Bill(video_id, charged), "found again")


def build_fields(job: StoredJob, change: Change) -> Dict[str, Any]:
    """Return the new values of the job's fields, with its next state, for a change that the table allows."""
    return {"state": TRANSITIONS[job.state, change.verb], **change.fields}


def check_change(change: Change, job: StoredJob | None, *, is_billed: bool) -> Outcome:
    """
    Return the job if the change is allowed, else why it is refused.

    Args:
        change: The change.
        job: The job as it is stored; None if there is no such job.
        is_billed: Whether the video of `change.bill` was billed before, for any job, or for a create without one.
    """
    if job is None:
        return Conflict(ConflictKind.NO_SUCH_JOB, change.verb)
    if find_next_state(job.state, change.verb) is None:
        return Conflict(ConflictKind.WRONG_STATE, change.verb, job.key, job.state)
    if is_billed:  # an answer with such a video belongs to another request; the create stays open
        return Conflict(ConflictKind.VIDEO_IN_USE, change.verb, job.key, job.state)
    return job


def find_plan_conflict(job: Job, found: StoredJob | None, run: int) -> Conflict | None:
    """
    Return why a job is not planned, or None.

    Args:
        job: The job to plan.
        found: The stored job of the same key, or None.
        run: The number of the present run.
    """
    if found is None:
        return _find_new_conflict(job)
    is_same = found.body == job.body
    if found.run == run:
        kind = ConflictKind.SAME_JOB if is_same else ConflictKind.SAME_KEY
        return Conflict(kind, Verb.PLAN, job.key, found.state, job.origin, found.origin)
    if not is_same and find_next_state(found.state, Verb.CORRECT) is None:
        return Conflict(ConflictKind.KEY_IN_USE, Verb.CORRECT, job.key, found.state, job.origin, found.origin)
    return None


def find_submit_conflict(job: Job, found: StoredJob | None, mark: int) -> Conflict | None:
    """
    Return why a job is not submitted, or None. A job that is stored already is not changed: a run may be creating it.

    Args:
        job: The job to submit.
        found: The stored job of the same key, or None.
        mark: The place of the last job before the submission.
    """
    if found is None:
        return _find_new_conflict(job)
    is_same, is_known = found.body == job.body, found.place <= mark
    if is_same and is_known:
        return None
    kind = ConflictKind.KEY_IN_USE if is_known else ConflictKind.SAME_JOB if is_same else ConflictKind.SAME_KEY
    return Conflict(kind, Verb.PLAN, job.key, found.state, job.origin, found.origin)


def _find_new_conflict(job: Job) -> Conflict | None:
    if job.key_problem:
        return Conflict(ConflictKind.UNSAFE_KEY, Verb.PLAN, job.key, origin=job.origin, other=job.key_problem)
    return Conflict(ConflictKind.FILE_EXISTS, Verb.PLAN, job.key, origin=job.origin) if job.has_file else None


def correct(job: Job) -> Change:
    """Return the change that replaces the content of a job that was never billed."""
    content = {"body": job.body, "template_id": job.template_id, "resolution": job.resolution}
    fields = {**content, "video_id": None, "error": None}
    return Change(verb=Verb.CORRECT, note="its content was corrected", fields=fields)


class JobVerbs(ABC):
    """The verbs that move one job, for every store: each is a `Change`, which the store applies in one transaction."""

    @abstractmethod
    async def _move(self, place: int, change: Change) -> Outcome:
        """Apply a change to a job, or return why it is refused."""

    async def intend(self, place: int, intent: Intent) -> Outcome:
        """Record that the create of a planned job is about to be sent."""
        fields = {"request_key": intent.request_key, "started_at": intent.started_at}
        return await self._move(place, Change(verb=Verb.INTEND, fields=fields, intent=intent))

    async def release(self, place: int, reason: str) -> Outcome:
        """Record that a create was certainly refused: the job is planned again."""
        return await self._move(place, Change(verb=Verb.RELEASE, note=reason))

    async def reuse(self, place: int, video_id: str) -> Outcome:
        """Record the video that was bought before for the content of a planned job. The job is not billed."""
        fields = {"video_id": video_id, "error": None}
        return await self._move(place, Change(verb=Verb.REUSE, note="its content was bought before", fields=fields))

    async def bill(
        self, place: int, video_id: str, charged: int, *, request_key: str | None, note: str | None = None
    ) -> Outcome:
        """
        Record the video that a create returned, and its charge, unless the video was billed before.

        The `Idempotency-Key` finds the video again if another process has taken over the job meanwhile.
        """
        return await self._move(place, _with_video(Verb.BILL, Bill(video_id, charged, request_key), note))

    async def adopt(self, place: int, video_id: str, charged: int) -> Outcome:
        """Record the video of a job in doubt, unless the video was billed for another job."""
        return await self._move(place, _with_video(Verb.ADOPT, Bill(video_id, charged), "adopted"))

    async def doubt(self, place: int, candidates: Sequence[str], reason: str) -> Outcome:
        """Record that the job may be billed, and the videos that may be its own, the likeliest first."""
        fields = {"error": reason, "candidates": tuple(candidates)}
        return await self._move(place, Change(verb=Verb.DOUBT, note=reason, fields=fields))

    async def fail(self, place: int, reason: str) -> Outcome:
        """Record that the job has failed. A charge of it stays."""
        return await self._move(place, Change(verb=Verb.FAIL, note=reason, fields={"error": reason}))

    async def mark_rendered(self, place: int, charged: int, size: int | None) -> Outcome:
        """Record that the video is rendered, with its final charge and its size in bytes, if that is known."""
        fields = {"size": size, "error": None}
        return await self._move(place, Change(verb=Verb.MARK_RENDERED, fields=fields, charged=charged))

    async def refund(self, place: int, reason: str) -> Outcome:
        """Record that the render failed, and that the charge was refunded."""
        change = Change(verb=Verb.REFUND, note=reason, fields={"error": reason}, is_refund=True)
        return await self._move(place, change)

    async def mark_saved(self, place: int, path: str, size: int | None) -> Outcome:
        """Record the file of the job, which is complete."""
        fields = {"path": path, "size": size, "error": None}
        return await self._move(place, Change(verb=Verb.MARK_SAVED, fields=fields))


def _with_video(verb: Verb, bill: Bill, note: str | None) -> Change:
    fields = {"video_id": bill.video_id, "error": None, "candidates": ()}
    return Change(verb=verb, note=note, fields=fields, bill=bill)
