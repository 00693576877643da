"""Creates whose outcome is not known, and the results of settling them."""

from datetime import datetime
from typing import List, Optional

import attrs

from bluma_async.types._model import Model, OpenEnum, model
from bluma_async.types.videos import Video


class OpenCreateState(OpenEnum):
    """The state of a create whose outcome is not known."""

    IN_FLIGHT = "in_flight"  # its request is out
    UNCERTAIN = "uncertain"  # it was interrupted, or its answer was lost: it may have been accepted and billed
    ACCEPTED = "accepted"  # it was accepted and billed; its video may be known


class CreateResult(OpenEnum):
    """The fact that a search has proven."""

    ACCEPTED = "accepted"  # it was accepted and billed, and its video is known
    NOT_ACCEPTED = "not_accepted"  # nothing was created or billed: it can be created again
    IN_DOUBT = "in_doubt"  # it was, or may have been, accepted; no search could tell more


@model
class OpenCreate(Model):
    """
    A create that this process has sent, and whose outcome is not known.

    Attributes:
        idempotency_key: What its requests carry as `Idempotency-Key`.
        template_id: The template that was asked for; None when a variant was.
        started_at: When it began, by the server's clock as far as it is known.
        state: Whether it is in flight, uncertain, or accepted.
        video_id: Its video, if that is known: a hook raised after it was accepted, for example.
    """

    idempotency_key: str
    template_id: Optional[str] = None
    started_at: Optional[datetime] = None
    state: OpenCreateState = OpenCreateState.UNCERTAIN
    video_id: Optional[str] = None


@model
class SettledCreate(Model):
    """
    The result of `settle` for one create.

    Attributes:
        create: The create.
        result: What was proven.
        video: Its video, if it was accepted; None if it could not be read now (`create.video_id` has its id).
        candidates: Videos that may be its own, if it is in doubt.
    """

    create: OpenCreate
    result: CreateResult
    video: Optional[Video] = None
    candidates: List[Video] = attrs.field(factory=lambda: [])
