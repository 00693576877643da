"""Webhooks, their deliveries, and the events in them."""

import hashlib
import json
from datetime import datetime
from typing import Any, ClassVar, Dict, List, Literal, Optional, Type, Union, cast

import attrs

from bluma_async.types._model import AttrDict, Model, OpenEnum, hidden, model, to_json, without_query
from bluma_async.types._times import read_datetime


@model
class Webhook(Model):
    """A URL that events are sent to. Only `create` returns its `secret`: store it."""

    id: str
    url: str = attrs.field(default="", repr=without_query)
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


VideoEventText = Literal["video.queued", "video.processing", "video.completed", "video.failed", "video.deleted"]
VideoEventName = Literal[
    VideoEventText,
    WebhookEventType.VIDEO_QUEUED,
    WebhookEventType.VIDEO_PROCESSING,
    WebhookEventType.VIDEO_COMPLETED,
    WebhookEventType.VIDEO_FAILED,
    WebhookEventType.VIDEO_DELETED,
]
CreditsEventText = Literal["credits.low", "credits.exhausted"]
CreditsEventName = Literal[CreditsEventText, WebhookEventType.CREDITS_LOW, WebhookEventType.CREDITS_EXHAUSTED]
# mypy takes this for True. It narrows an event by a comparison of its type with text, if the type is text alone; for
# pyright, a comparison with a member of the enum would then be impossible.
MYPY = False


class VideoEventData(AttrDict):
    """
    The fields of the video in a `video.*` event. A missing field is None as an attribute.

    The repr shows links without their queries, which may be signatures.
    """

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
        (
            "status",
            "template_id",
            "progress",
            "url",
            "thumbnail_url",
            "duration",
            "size_bytes",
            "credits_charged",
            "error",
        )
    )

    def __repr__(self) -> str:
        links = {"url", "thumbnail_url"}
        shown = ((name, without_query(value) if name in links else repr(value)) for name, value in self.items())
        return "{" + ", ".join(f"{name!r}: {text}" for name, text in shown) + "}"


class CreditsEventData(AttrDict):
    """The balance in a `credits.*` event. A missing field is None as an attribute."""

    __slots__ = ()
    remaining: Optional[int]
    threshold: Optional[int]
    _optional = frozenset(("remaining", "threshold"))


class WebhookEvent(AttrDict):
    """
    An event: a dict of the JSON that was received, whose fields are attributes too.

    `event["data"]["url"]` works as in version 1.2.0, `event.data.url` is typed. `created_at` is a datetime as an
    attribute, and text in the dict, so that `json.dumps(event)` works.
    """

    __slots__ = ("_body_id",)
    type: WebhookEventType
    data: AttrDict
    _data_class: ClassVar[Type[AttrDict]] = AttrDict

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        kind, data, created_at = self.get("type"), self.get("data"), self.get("created_at")
        if not isinstance(kind, str) or not kind:
            raise TypeError(f"the type of an event must be non-empty text, not {kind!r}")
        if data is not None and not isinstance(data, dict):
            raise TypeError(f"the data of an event must be an object, not {type(data).__name__}")
        self._body_id = "" if _is_id(self.get("id")) else _hash_body(self)
        self["type"] = WebhookEventType(kind)
        self["data"] = self._data_class({} if data is None else data)
        if isinstance(created_at, datetime):
            self["created_at"] = to_json(created_at)

    @property
    def id(self) -> str:
        """
        The id that all deliveries of one event have: handle each id once.

        It is the event's `id`. If the event was received without one, it is made from a hash of the event's body.
        """
        return self._body_id or str(self["id"])

    @property
    def created_at(self) -> Optional[datetime]:
        """The time of the event, by the server's clock; None if the event does not say, or the time is invalid."""
        try:
            return read_datetime(self.get("created_at"))
        except (ValueError, OverflowError):
            return None

    def to_dict(self) -> Dict[str, Any]:
        """Return the event as a plain dict of JSON values."""
        return cast("Dict[str, Any]", to_json(self))


class VideoEvent(WebhookEvent):
    """A `video.*` event."""

    __slots__ = ()
    # Narrower than the base's types, which is safe because events are read and their fields are not replaced. At run
    # time, the type is a WebhookEventType, which is text too.

    if MYPY:
        type: VideoEventText  # type: ignore[assignment]  # pyright: ignore[reportIncompatibleVariableOverride, reportRedeclaration]
    else:
        type: VideoEventName  # pyright: ignore[reportIncompatibleVariableOverride]
    data: VideoEventData  # pyright: ignore[reportIncompatibleVariableOverride]
    _data_class = VideoEventData


class CreditsEvent(WebhookEvent):
    """A `credits.*` event."""

    __slots__ = ()
    # Narrower than the base's types: see the reason in VideoEvent.

    if MYPY:
        type: CreditsEventText  # type: ignore[assignment]  # pyright: ignore[reportIncompatibleVariableOverride, reportRedeclaration]
    else:
        type: CreditsEventName  # pyright: ignore[reportIncompatibleVariableOverride]
    data: CreditsEventData  # pyright: ignore[reportIncompatibleVariableOverride]
    _data_class = CreditsEventData


class UnknownEvent(WebhookEvent):
    """
    An event of a family that this version does not know.

    For a type checker, `type` is a word that no event has, so that a comparison with a known type leaves this class
    out. `event["type"]` is the type that was received, and `event.type` too at run time.
    """

    __slots__ = ()
    type: Literal["(unknown)"]  # type: ignore[assignment]  # pyright: ignore[reportIncompatibleVariableOverride]


Event = Union[VideoEvent, CreditsEvent, UnknownEvent]


def _is_id(value: object) -> bool:
    return isinstance(value, (str, int)) and not isinstance(value, bool) and value != ""


def _hash_body(event: WebhookEvent) -> str:
    """Return an id for an event without one. The order of the keys has no meaning in JSON, and does not count."""
    body = json.dumps(event, sort_keys=True, default=str)
    return f"sha256:{hashlib.sha256(body.encode()).hexdigest()}"
