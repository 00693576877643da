"""
Build the results that a batch reports.

The annotations are real at run time, on Python 3.8 too: `BatchResult` answers as a dataclass.
"""

# ruff: noqa: FA100 - because of that

from typing import TYPE_CHECKING, List, Optional

import attrs

from bluma_async.errors import BlumaError
from bluma_async.stores.states import JobState
from bluma_async.types._model import Model, model

if TYPE_CHECKING:
    from bluma_async.stores.jobs import StoredJob

__all__ = ["BatchResult", "build_result"]


@model
class BatchResult(Model):
    """
    The outcome of a job in this run.

    Attributes:
        key: The job's own key, or the short hash of its content.
        state: Its state.
        video_id: Its video; None before the create was answered.
        path: Its file; None before it was saved.
        credits_charged: The credits its video was billed.
        error: Why the job did not get further; None if nothing went wrong.
        candidates: For a job in doubt, the ids of the videos that may be its own.
        reused: Whether its video was bought before for the same content, so that it cost nothing.
    """

    key: str
    state: JobState
    video_id: Optional[str] = None
    path: Optional[str] = None
    credits_charged: int = 0
    error: Optional[BlumaError] = None
    candidates: List[str] = attrs.field(factory=lambda: [])  # noqa: PIE807 - typed, unlike `list`
    reused: bool = False

    @property
    def is_done(self) -> bool:
        """Whether the job is rendered or saved, without an error."""
        return self.error is None and self.state in (JobState.RENDERED, JobState.SAVED)


def build_result(job: "StoredJob", error: Optional[BlumaError] = None) -> BatchResult:
    """Return the result of a stored job, with the error of this run or else the one that is stored."""
    return BatchResult(
        key=job.key,
        state=job.state,
        video_id=job.video_id,
        path=job.path,
        credits_charged=job.charged,
        error=error or (BlumaError(job.error) if job.error else None),
        candidates=list(job.candidates),
        reused=job.is_reused,
    )
