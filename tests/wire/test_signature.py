"""Webhook signatures are verified, and bodies decoded to events."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest

from bluma_async import sign_webhook, verify_webhook, verify_webhook_signature
from bluma_async.errors import WebhookVerificationError
from bluma_async.types import CreditsEvent, VideoEvent, WebhookEvent

SECRET = "whsec_test_secret"
BODY = (
    b'{"id":"evt_abc123xyz","type":"video.completed","created_at":"2025-11-03T10:31:45Z",'
    b'"data":{"id":"batch_abc123","status":"completed"}}'
)
SIGNATURE = "sha256=5aa8a96c99df7a70474650ffdfb977f032c05bad5b668cd01f97af77ee69c707"


def test_the_documented_vector_holds() -> None:
    """Reference 5.1: the signature of the test vector is the documented one."""
    assert sign_webhook(BODY, SECRET) == SIGNATURE


@pytest.mark.parametrize(
    "payload", [BODY, BODY.decode(), bytearray(BODY), memoryview(BODY)], ids=lambda kind: type(kind).__name__
)
def test_bytes_and_text_are_verified(payload: Any) -> None:
    """Items 61 and 63: fields of the event and of its data are attributes."""
    event = verify_webhook(payload, SIGNATURE, SECRET)

    assert isinstance(event, VideoEvent)
    assert (event.id, event.type, event.data.id, event.data.url) == (
        "evt_abc123xyz",
        "video.completed",
        "batch_abc123",
        None,
    )
    assert event.created_at == datetime(2025, 11, 3, 10, 31, 45, tzinfo=timezone.utc)


def test_events_answer_by_index_too() -> None:
    """Item 66: `event["type"]` works, as in version 1.2.0."""
    event = verify_webhook(BODY, SIGNATURE, SECRET)

    assert (event["type"], event["data"]["status"]) == ("video.completed", "completed")
    assert ("id" in event, "nothing" in event) == (True, False)
    assert (event.get("nothing"), event.get("nothing", 1), event.get("id")) == (None, 1, "evt_abc123xyz")
    with pytest.raises(KeyError):
        _ = event["nothing"]


@pytest.mark.parametrize(
    "signature",
    [SIGNATURE.upper(), SIGNATURE.encode(), f"  {SIGNATURE}\n", SIGNATURE.replace("5aa8", "5AA8")],
)
def test_the_case_of_the_digits_does_not_matter(signature: Any) -> None:
    """Item 65: upper-case digits and surrounding spaces are accepted."""
    assert verify_webhook_signature(BODY, signature, SECRET)


@pytest.mark.parametrize(
    ("payload", "signature", "secret"),
    [
        (BODY + b" ", SIGNATURE, SECRET),
        (BODY, SIGNATURE[:-1] + "8", SECRET),
        (BODY, SIGNATURE, "test_secret"),
        (BODY, SIGNATURE.replace("sha256=", ""), SECRET),
        (BODY, SIGNATURE.replace("sha256", "sha512"), SECRET),
        (BODY, None, SECRET),
        (BODY, "", SECRET),
        (BODY, "  ", SECRET),
        (BODY, "ünïcode", SECRET),
        (BODY, "\ud800", SECRET),
        (BODY, SIGNATURE, None),
        (BODY, SIGNATURE, ""),
        (BODY, SIGNATURE, b""),
        (BODY, SIGNATURE, []),
        (BODY, SIGNATURE, [None]),
        (BODY, SIGNATURE, [SECRET, ""]),
        (BODY, 5, SECRET),
        (None, SIGNATURE, SECRET),
        (b"", sign_webhook(b" ", SECRET), SECRET),
        ({"id": "evt"}, SIGNATURE, SECRET),
    ],
)
def test_each_invalid_webhook_raises_one_error(payload: Any, signature: Any, secret: Any) -> None:
    """Item 62: a mismatch or a missing argument raises, and returns no event."""
    with pytest.raises(WebhookVerificationError) as caught:
        verify_webhook(payload, signature, secret)

    assert isinstance(caught.value, ValueError)
    assert "whsec_" not in str(caught.value)
    assert not verify_webhook_signature(payload, signature, secret)


def test_secrets_can_be_rotated() -> None:
    """A signature with any one of several secrets is valid."""
    assert verify_webhook(BODY, SIGNATURE, ["whsec_new", SECRET]).id == "evt_abc123xyz"
    assert verify_webhook_signature(BODY, SIGNATURE, (b"whsec_test_secret", "whsec_new"))
    assert not verify_webhook_signature(BODY, SIGNATURE, ["whsec_new", "whsec_newer"])


@pytest.mark.parametrize(
    "body", [b"no json", b"[]", b'"x"', b"{}", b'{"id": "e"}', b'{"id": "e", "type": "t", "data": 5}', b"[" * 99_999]
)
def test_a_signed_body_that_is_no_event_is_refused(body: bytes) -> None:
    """A body with a valid signature may still be no event."""
    with pytest.raises(WebhookVerificationError, match="not an event"):
        verify_webhook(body, sign_webhook(body, SECRET), SECRET)


def test_events_are_typed_by_their_family() -> None:
    """Reference 5.2: video events, credits events, and events of unknown types."""
    low = _event(b'{"id": "e", "type": "credits.low", "data": {"remaining": 8}}')
    new = _event(b'{"id": "e", "type": "team.joined", "data": {"who": {"name": "x"}}}')
    done = _event(b'{"id": "e", "type": "video.completed", "data": {"id": "b", "credits_consumed": 6}}')

    assert isinstance(low, CreditsEvent)
    assert (low.data.remaining, low.data.threshold) == (8, None)
    assert type(new) is WebhookEvent
    assert new.data.who.name == "x"
    assert (done.data.credits_charged, done.data["credits_consumed"]) == (6, 6)


def test_signing_refuses_what_it_cannot_sign() -> None:
    """An empty secret is refused."""
    with pytest.raises(WebhookVerificationError, match="secret"):
        sign_webhook(BODY, "")


def _event(body: bytes) -> Any:
    return verify_webhook(body, sign_webhook(body, SECRET), SECRET)
