"""What a batch tells of its jobs."""

from typing import List, Optional

import attrs

from bluma_async.errors import BlumaError
from bluma_async.types._model import Model, OpenEnum, model


class JobState(OpenEnum):
    """How far a job of a batch is. Everything from `creating` on may have been billed."""

    PLANNED = "planned"  # nothing was sent yet, or it certainly was not accepted
    CREATING = "creating"  # it was about to be sent; after a crash it is looked for first
    RENDERING = "rendering"
    RENDERED = "rendered"  # the end, where no files are wanted
    SAVED = "saved"
    FAILED = "failed"  # refused, or its render failed; nothing follows unless it is retried
    IN_DOUBT = "in_doubt"  # several videos may be it; nothing follows unless it is adopted or resubmitted


@model
class BatchResult(Model):
    """
    What became of a job, this time.

    Attributes:
        key: The job's own key, or the short hash of its content.
        state: How far it is.
        video_id: Its video, once there is one.
        path: Its file, once it is saved.
        credits_charged: What its video was billed.
        error: Why it is not further; None if all went well.
        candidates: For a job in doubt, the ids of the videos that may be it.
    """

    key: str
    state: JobState
    video_id: Optional[str] = None
    path: Optional[str] = None
    credits_charged: int = 0
    error: Optional[BlumaError] = None
    candidates: List[str] = attrs.field(factory=lambda: [])

    @property
    def is_done(self) -> bool:
        """Whether nothing more is to be done, and nothing went wrong."""
        return self.error is None and self.state in (JobState.RENDERED, JobState.SAVED)


@model
class BatchStatus(Model):
    """
    How many jobs of a journal are in each state, and what they cost, in credits.

    `credits_refunded` are those of failed renders, which the API gives back by itself.
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
        """What was charged and not given back."""
        return self.credits_charged - self.credits_refunded
