"""Events are dicts of the received JSON, whose fields are typed attributes too."""

from __future__ import annotations

import copy
import json
import pickle
from datetime import datetime, timezone
from typing import Any, Dict

import pytest

from bluma_async import sign_webhook, verify_webhook
from bluma_async.types import CreditsEvent, VideoEvent, VideoEventData, WebhookEvent, WebhookEventType

SECRET = "whsec_test"
MOMENT = datetime(2025, 11, 3, 10, 31, 45, tzinfo=timezone.utc)
SENT: Dict[str, Any] = {
    "id": "evt_1",
    "type": "video.completed",
    "created_at": "2025-11-03T10:31:45Z",
    "data": {"id": "batch_1", "status": "completed", "error": {"type": "x"}},
}


def verified(sent: Any) -> WebhookEvent:
    """Return the event of a signed body."""
    body = json.dumps(sent).encode()
    return verify_webhook(body, sign_webhook(body, SECRET), SECRET)


def test_an_event_is_the_dict_that_was_received() -> None:
    """Programs of 1.2.0 serialise, iterate over, copy and change an event, because theirs was a dict."""
    event = verified(SENT)

    assert isinstance(event, dict)
    assert json.loads(json.dumps(event)) == SENT == event
    assert dict(event.items()) == {**event} == event.to_dict() == SENT
    assert list(event) == list(SENT)
    event["seen"] = True
    assert event.pop("seen") is True


def test_the_fields_are_typed_attributes() -> None:
    """The attributes have the SDK's types, where the dict has JSON."""
    event = verified(SENT)

    assert isinstance(event, VideoEvent)
    assert isinstance(event.type, WebhookEventType)
    assert isinstance(event.data, VideoEventData)
    assert (event.id, event.created_at, event["created_at"]) == ("evt_1", MOMENT, "2025-11-03T10:31:45Z")
    assert (event.data.url, event.data.error, event["data"]["error"]["type"]) == (None, {"type": "x"}, "x")


def test_an_event_is_copied_and_pickled_whole() -> None:
    """Queues of tasks pickle events; the copy has the same class, fields and id."""
    for event in (verified(SENT), verified({"type": "video.failed", "data": {"id": "b"}})):
        for twin in (pickle.loads(pickle.dumps(event)), copy.copy(event), copy.deepcopy(event)):
            assert type(twin) is VideoEvent
            assert twin == event
            assert (twin.id, twin.type, type(twin.data)) == (event.id, event.type, VideoEventData)


def test_an_event_without_an_id_is_named_by_its_body() -> None:
    """A signed event whose id is missing is an event: the same body has the same id, another body another one."""
    sent = {"type": "video.completed", "data": {"id": "batch_1"}}
    event, again = verified(sent), verified(dict(reversed(list(sent.items()))))
    others = [verified({**sent, "data": {"id": "batch_2"}}), verified({**sent, "created_at": "2025-11-03T10:31:45Z"})]

    assert event.id.startswith("sha256:")
    assert event.id == again.id
    assert len({event.id, *(other.id for other in others)}) == 3
    assert ("id" in event, json.loads(json.dumps(event))) == (False, sent)
    event["seen"] = True
    assert event.id == again.id


@pytest.mark.parametrize("given", [None, "", [], {"a": 1}, True])
def test_an_unusable_id_is_a_missing_one(given: object) -> None:
    """An id that is neither text nor a number cannot name an event; its body does."""
    assert verified({**SENT, "id": given}).id.startswith("sha256:")
    assert verified({**SENT, "id": 12}).id == "12"


def test_the_older_name_of_the_type_is_understood() -> None:
    """The tests of 1.2.0 have events whose type is under `event`."""
    event = verified({"event": "test", "data": {"id": "123"}})

    assert (event["event"], event["type"], event.type, event["data"]["id"]) == ("test", "test", "test", "123")


def test_events_are_made_by_hand() -> None:
    """A test of a handler makes its own events: plain values become typed, and JSON stays possible."""
    event = VideoEvent(id="e", type="video.completed", data={"id": "v"}, created_at=MOMENT)
    low = CreditsEvent({"id": "e", "type": WebhookEventType.CREDITS_LOW})

    assert (event.type, event.data.id, event.created_at) == (WebhookEventType.VIDEO_COMPLETED, "v", MOMENT)
    assert json.loads(json.dumps(event))["created_at"] == "2025-11-03T10:31:45Z"
    assert (low.data.remaining, low.created_at) == (None, None)
    assert verified({**SENT, "created_at": "soon"}).created_at is None
