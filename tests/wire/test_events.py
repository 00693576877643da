"""Bodies of webhooks are decoded to events."""

from __future__ import annotations

from typing import Any

import pytest

from bluma_async import sign_webhook, verify_webhook
from bluma_async.errors import WebhookVerificationError
from bluma_async.types import CreditsEvent, UnknownEvent

SECRET = "whsec_test_secret"

BODY = (
    b'{"id":"evt_abc123xyz","type":"video.completed","created_at":"2025-11-03T10:31:45Z",'
    b'"data":{"id":"batch_abc123","status":"completed"}}'
)

SIGNATURE = "sha256=5aa8a96c99df7a70474650ffdfb977f032c05bad5b668cd01f97af77ee69c707"


def test_events_answer_by_index_too() -> None:
    """Item 66: `event["type"]` works, as in version 1.2.0."""
    event = verify_webhook(BODY, SIGNATURE, SECRET)

    assert (event["type"], event["data"]["status"]) == ("video.completed", "completed")
    assert ("id" in event, "nothing" in event) == (True, False)
    assert (event.get("nothing"), event.get("nothing", 1), event.get("id")) == (None, 1, "evt_abc123xyz")
    with pytest.raises(KeyError):
        _ = event["nothing"]


@pytest.mark.parametrize(
    "body", [b"no json", b"[]", b'"x"', b"{}", b'{"id": "e"}', b'{"id": "e", "type": "t", "data": 5}', b"[" * 99_999]
)
def test_a_signed_body_that_is_no_event_is_refused(body: bytes) -> None:
    """A body with a valid signature may still not be an event."""
    with pytest.raises(WebhookVerificationError, match="not an event"):
        verify_webhook(body, sign_webhook(body, SECRET), SECRET)


def test_events_are_typed_by_their_family() -> None:
    """Reference 5.2: video events, credits events, and events of unknown types."""
    low = _event(b'{"id": "e", "type": "credits.low", "data": {"remaining": 8}}')
    new = _event(b'{"id": "e", "type": "team.joined", "data": {"who": {"name": "x"}}}')
    done = _event(b'{"id": "e", "type": "video.completed", "data": {"id": "b", "credits_consumed": 6}}')

    assert isinstance(low, CreditsEvent)
    assert (low.data.remaining, low.data.threshold) == (8, None)
    assert type(new) is UnknownEvent
    assert new.data.who.name == "x"
    assert (done.data.credits_charged, done.data["credits_consumed"]) == (6, 6)


def _event(body: bytes) -> Any:
    return verify_webhook(body, sign_webhook(body, SECRET), SECRET)
