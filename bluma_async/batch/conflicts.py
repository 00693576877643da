"""Turn the conflicts of a store, which are data, into errors that name the row, the column or the job."""

from __future__ import annotations

from typing import TYPE_CHECKING, Mapping

from bluma_async._wire.checks import invalid
from bluma_async.batch.parsing import row_error
from bluma_async.errors import BlumaError
from bluma_async.stores.jobs import Conflict, ConflictKind

if TYPE_CHECKING:
    from typing_extensions import TypeGuard

    from bluma_async.errors import InvalidArgumentError
    from bluma_async.stores.jobs import Outcome, StoredJob
    from bluma_async.stores.ports import JobStore

__all__ = [
    "PLAN_MESSAGES",
    "JobPostponedError",
    "TakenOver",
    "Unsubmitted",
    "build_plan_error",
    "is_taken",
    "not_free",
    "not_in_doubt",
    "require_moved",
]

PLAN_MESSAGES: Mapping[ConflictKind, str] = {
    ConflictKind.SAME_JOB: "it is the same as {other}; give each a key of its own",
    ConflictKind.SAME_KEY: "the key {key!r} is also that of {other}; give each a key of its own",
    ConflictKind.KEY_IN_USE: "{key!r} was another job in this journal; give it another key",
    ConflictKind.UNSAFE_KEY: "{other}",
    ConflictKind.FILE_EXISTS: "there is a file for {key!r} that this journal did not save; move it, or change the key",
}


class Unsubmitted(Exception):  # noqa: N818 - it is not an error
    """Nothing was submitted, and there is no result: the job stays planned."""


class TakenOver(Unsubmitted):
    """Another process has taken over the job, because this one seemed to be dead. It reports the result."""


class JobPostponedError(BlumaError):
    """A job was not created, for a reason that concerns no other job. It stays planned: the next run tries again."""


def build_plan_error(conflict: Conflict) -> InvalidArgumentError:
    """Return the error for a row that a store refused to plan."""
    message = PLAN_MESSAGES[conflict.kind].format(key=conflict.key, other=conflict.other)
    return row_error(conflict.origin, "key", message)


def require_moved(outcome: Outcome, store: JobStore) -> StoredJob:
    """
    Return the job that a verb moved.

    Raises:
        TakenOver: Another process that shares the store has taken over the job, and may have finished it.
        BlumaError: The store refused the verb for another reason: another program has changed the job.
    """
    if is_taken(outcome):
        raise BlumaError(
            f"The video that was found for job {outcome.key!r} is that of another create. Nothing was recorded; the "
            "next run searches for its own video."
        )
    if isinstance(outcome, Conflict):
        if store.sharing is not None and outcome.kind in {ConflictKind.NOT_MINE, ConflictKind.WRONG_STATE}:
            raise TakenOver
        state = f"is {outcome.state}" if outcome.state is not None else "does not exist"
        raise BlumaError(
            f"The step {outcome.verb.value!r} of job {outcome.key!r} was not recorded: in the journal {store.name} it "
            f"{state}. Another program has changed the journal; run the batch again."
        )
    return outcome


def is_taken(outcome: Outcome | None) -> TypeGuard[Conflict]:
    """Return whether a video was not recorded for a job, because it is that of another create."""
    return isinstance(outcome, Conflict) and outcome.kind is ConflictKind.VIDEO_IN_USE


def not_in_doubt(key: str, job: StoredJob | None) -> InvalidArgumentError:
    """Return the error for a video that is named for a job that needs none."""
    reason = "there is no such job" if job is None else f"it is {job.state}"
    return invalid("key", f"Job {key!r} is not in doubt: {reason}.")


def not_free(video_id: str) -> InvalidArgumentError:
    """Return the error for a video that was billed for another job."""
    return invalid("video_id", f"Video {video_id} belongs to another job or create.")
