"""Events of families that this version does not know."""

from __future__ import annotations

import json
from typing import Any, List, get_args

from bluma import Event, UnknownEvent, VideoEvent, sign_webhook, verify_webhook
from bluma_async.types import CreditsEventName, VideoEventName, WebhookEventType


def test_an_event_of_an_unknown_family_is_an_unknown_event() -> None:
    """Its type is the received one, and its data is free-form. A new type of a known family keeps its class."""
    for name, kind in (("asset.ready", UnknownEvent), ("video.archived", VideoEvent)):
        body = json.dumps({"id": "e", "type": name, "data": {"id": "a", "x": {"y": 1}}}).encode()
        event = verify_webhook(body, sign_webhook(body, "whsec_x"), "whsec_x")

        assert type(event) is kind
        assert (event.type, event["type"], event.data.x.y) == (name, name, 1)  # type: ignore[comparison-overlap]  # on purpose


def list_values(literal: Any) -> List[Any]:
    """Return the values of a Literal, also of those in it, which Python 3.8 does not flatten."""
    return [value for inner in get_args(literal) for value in (list_values(inner) if get_args(inner) else [inner])]


def test_the_literals_name_all_types() -> None:
    """Each member of the enum, and its text, is in one of the two literals; the union has one class for each family."""
    names = [*list_values(VideoEventName), *list_values(CreditsEventName)]

    assert set(names) == set(WebhookEventType) == {str(kind) for kind in WebhookEventType}
    assert len(names) == 2 * len(WebhookEventType)
    assert [kind.__name__ for kind in get_args(Event)] == ["VideoEvent", "CreditsEvent", "UnknownEvent"]
