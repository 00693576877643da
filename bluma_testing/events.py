"""Make events, and sign them as the API does."""

from __future__ import annotations

import json
import os
from itertools import count
from typing import TYPE_CHECKING, Any, Dict, Mapping

import attrs

from bluma_async._runtime.clock import MACHINE_TIME
from bluma_async._wire.events import read_event
from bluma_async._wire.signature import sign_webhook
from bluma_async.types._model import to_json
from bluma_testing.field_table import VIDEO_BY_STATUS, add_fields

if TYPE_CHECKING:
    from bluma_async.types import Event, WebhookEvent

__all__ = ["SANDBOX_SECRET", "SignedEvent", "make_event", "sign_event"]

SANDBOX_SECRET = "whsec_sandbox"  # noqa: S105 - the sandbox's own default
_numbers = count(1)
DATA: Mapping[str, Mapping[str, Any]] = {
    "video.queued": {"status": "queued"},
    "video.processing": {"status": "processing"},
    "video.completed": {"status": "completed", "credits_consumed": 2},
    "video.failed": {"status": "failed"},
    "video.deleted": {"status": "completed"},
    "credits.low": {"remaining": 9, "threshold": 10},
    "credits.exhausted": {"remaining": 0},
}


@attrs.frozen
class SignedEvent:
    """
    The request that delivers an event.

    Attributes:
        body: The raw body.
        headers: Its headers, with the signature.
    """

    body: bytes
    headers: Dict[str, str]


def make_event(event_type: str = "video.completed", **data: Any) -> Event:
    """
    Return an event, as `verify_webhook` returns it. Each has another id, and its time is the present.

    Args:
        event_type: The type; an unknown one makes an UnknownEvent.
        **data: The fields of its `data` that matter to the test, such as `id="batch_1"`; the others are plausible.
    """
    number = next(_numbers)
    known: Dict[str, Any] = dict(data)
    if event_type.startswith("video."):
        add_fields(known, {"id": f"batch_{number}", "template_id": "ugc-text-overlay"}, number)
    add_fields(known, DATA.get(event_type, {}), number)
    if event_type in {"video.completed", "video.failed", "video.processing"}:
        add_fields(known, VIDEO_BY_STATUS[event_type.partition(".")[2]], number)
    created_at = MACHINE_TIME.utc().strftime("%Y-%m-%dT%H:%M:%SZ")
    event = {"id": f"evt_{number}", "type": event_type, "created_at": created_at, "data": known}
    return read_event(json.dumps(to_json(event)).encode())


def sign_event(event: WebhookEvent | str, secret: str | None = None, **data: Any) -> SignedEvent:
    """
    Return the signed request for an event, for the test client of any web framework.

    Args:
        event: The event, or the type of one that `make_event` makes.
        secret: The secret of the webhook; default `BLUMA_WEBHOOK_SECRET`, else that of the sandbox.
        **data: For a type, the fields of its `data` that matter to the test.

    Raises:
        TypeError: There is data for an event that was made already.
    """
    if isinstance(event, str):
        event = make_event(event, **data)
    elif data:
        raise TypeError("sign_event takes fields of data with the type of an event, not with an event.")
    body = json.dumps(event.to_dict()).encode()
    secret = secret or os.environ.get("BLUMA_WEBHOOK_SECRET") or SANDBOX_SECRET
    headers = {
        "Content-Type": "application/json",
        "X-Bluma-Signature": sign_webhook(body, secret),
        "X-Bluma-Event-Id": event.id,
        "X-Bluma-Event-Type": str(event.type),
    }
    return SignedEvent(body, headers)
