"""Webhooks, their deliveries, and the events in them."""

from datetime import datetime
from typing import Any, List, Optional

import attrs

from bluma_async.types._model import AttrDict, Model, OpenEnum, hidden, model


@model
class Webhook(Model):
    """A URL that events are sent to. Only `create` returns its `secret`: store it."""

    id: str
    url: str = ""
    events: List[str] = attrs.field(factory=lambda: [])
    is_active: bool = True
    secret: Optional[str] = attrs.field(default=None, repr=hidden)
    created_at: Optional[datetime] = None


@model
class WebhookDelivery(Model):
    """One attempt to deliver an event; `status_code` is None or 0 if the receiver did not answer."""

    id: str
    event_id: str = ""
    event_type: str = ""
    attempt_number: int = 1
    status_code: Optional[int] = None
    duration_ms: Optional[int] = None
    error_message: Optional[str] = None
    next_retry_at: Optional[datetime] = None
    created_at: Optional[datetime] = None


class WebhookEventType(OpenEnum):
    """The type of an event."""

    VIDEO_QUEUED = "video.queued"
    VIDEO_PROCESSING = "video.processing"
    VIDEO_COMPLETED = "video.completed"
    VIDEO_FAILED = "video.failed"
    VIDEO_DELETED = "video.deleted"
    CREDITS_LOW = "credits.low"
    CREDITS_EXHAUSTED = "credits.exhausted"


class VideoEventData(AttrDict):
    """The fields of the video in a `video.*` event. A missing field is None as an attribute."""

    __slots__ = ()
    id: str
    status: Optional[str]
    template_id: Optional[str]
    progress: Optional[int]
    url: Optional[str]
    thumbnail_url: Optional[str]
    duration: Optional[int]
    size_bytes: Optional[int]
    credits_charged: Optional[int]
    error: Optional[AttrDict]
    _optional = frozenset(
        "status template_id progress url thumbnail_url duration size_bytes credits_charged error".split()  # noqa: SIM905
    )


class CreditsEventData(AttrDict):
    """The balance in a `credits.*` event. A missing field is None as an attribute."""

    __slots__ = ()
    remaining: Optional[int]
    threshold: Optional[int]
    _optional = frozenset(("remaining", "threshold"))


@model
class WebhookEvent(Model):
    """
    An event. `id` is the same in each delivery of the same event: handle each id once.

    Fields are available as attributes and by index, as in version 1.2.0. Examples:
    `event.type`, `event["type"]`, `event.data.url`, `event["data"]["url"]`.
    """

    id: str
    type: WebhookEventType
    data: AttrDict = attrs.field(factory=AttrDict)
    created_at: Optional[datetime] = None

    def __getitem__(self, name: str) -> Any:
        return self.__dict__[name]

    def __contains__(self, name: object) -> bool:
        return name in self.__dict__

    def get(self, name: str, default: Any = None) -> Any:
        """Return a field by its name, or the default if there is no such field."""
        return self.__dict__.get(name, default)


@model
class VideoEvent(WebhookEvent):
    """A `video.*` event."""

    # Narrower than the base's type, which is safe because events are read and their data is not replaced.

    data: VideoEventData = attrs.field(factory=VideoEventData)  # pyright: ignore[reportIncompatibleVariableOverride]


@model
class CreditsEvent(WebhookEvent):
    """A `credits.*` event."""

    # Narrower than the base's type, which is safe because events are read and their data is not replaced.

    data: CreditsEventData = attrs.field(factory=CreditsEventData)  # pyright: ignore[reportIncompatibleVariableOverride]
