"""Webhook signatures are verified; anything else raises one error."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest

from bluma_async import sign_webhook, verify_webhook, verify_webhook_signature
from bluma_async.errors import WebhookVerificationError
from bluma_async.types import VideoEvent

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


@pytest.mark.parametrize("parsed", [{"id": "evt_abc123xyz"}, [1]])
def test_a_parsed_body_is_named(parsed: Any) -> None:
    """A framework's parsed JSON in place of the raw body is the usual mistake: the message says which to pass."""
    with pytest.raises(
        WebhookVerificationError, match=rf"the payload is a parsed {type(parsed).__name__}. Pass the raw body"
    ):
        verify_webhook(parsed, SIGNATURE, SECRET)


def test_secrets_can_be_rotated() -> None:
    """A signature with any one of several secrets is valid."""
    assert verify_webhook(BODY, SIGNATURE, ["whsec_new", SECRET]).id == "evt_abc123xyz"
    assert verify_webhook_signature(BODY, SIGNATURE, (b"whsec_test_secret", "whsec_new"))
    assert not verify_webhook_signature(BODY, SIGNATURE, ["whsec_new", "whsec_newer"])


def test_signing_refuses_what_it_cannot_sign() -> None:
    """An empty secret is refused."""
    with pytest.raises(WebhookVerificationError, match="secret"):
        sign_webhook(BODY, "")
