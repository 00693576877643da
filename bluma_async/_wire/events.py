"""Decode webhook bodies to events. No body is parsed before its signature is verified."""

from __future__ import annotations

from typing import TYPE_CHECKING, Mapping, cast

from bluma_async._wire.json_values import parse_json
from bluma_async._wire.signature import check_signature
from bluma_async.errors import WebhookVerificationError
from bluma_async.types import CreditsEvent, UnknownEvent, VideoEvent

if TYPE_CHECKING:
    from bluma_async._wire.signature import Payload, Secret
    from bluma_async.types import Event

__all__ = ["read_event", "verify_webhook"]

FAMILIES: Mapping[str, type[Event]] = {"video": VideoEvent, "credits": CreditsEvent}


def verify_webhook(payload: Payload | None, signature: str | bytes | None, secret: Secret | None) -> Event:
    """
    Return the event of a webhook whose signature is valid.

    Pass the raw bytes of the request: a body that was parsed and serialised again has another signature. The signature
    covers no time, so a replayed webhook verifies too: handle each `event.id` once.

    Args:
        payload: The raw request body, bytes or str.
        signature: The `X-Bluma-Signature` header.
        secret: The webhook's `whsec_...` secret, or several while it is being rotated.

    Returns:
        A VideoEvent, a CreditsEvent, or an UnknownEvent for a family of types that this version does not know. For type
        checkers, a comparison of `event.type` narrows the event, and so its `data`.

    Raises:
        WebhookVerificationError: The signature does not match, an argument is missing or empty, or the body is not an
            event.
    """
    body = check_signature(payload, signature, secret)
    try:
        return read_event(body)
    except (ValueError, TypeError) as problem:
        raise WebhookVerificationError(f"The webhook is signed, but its body is not an event: {problem}") from problem


def read_event(body: bytes) -> Event:
    """
    Return the event in a body. The caller must have verified the signature.

    Raises:
        ValueError: The body is not JSON, or lacks a field.
        TypeError: The JSON is not an object, or a field has the wrong type.
    """
    raw: object = parse_json(body)
    if not isinstance(raw, dict):
        raise TypeError(f"expected an object, not {type(raw).__name__}")
    sent = cast("dict[str, object]", raw)
    kind = sent.get("type") or sent.get("event")  # the older name, which the tests of 1.2.0 show
    family = FAMILIES.get(kind.partition(".")[0], UnknownEvent) if isinstance(kind, str) else UnknownEvent
    event = family(sent, type=kind)
    if "credits_consumed" in event.data:  # the REST API calls it credits_charged
        event.data.setdefault("credits_charged", event.data["credits_consumed"])
    return event
