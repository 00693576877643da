"""Events that were sent without an id are handled once too."""

from __future__ import annotations

import json
from pathlib import Path
from typing import List

import pytest

from bluma import MemoryStore, SQLiteStore, WebhookReceiver, sign_webhook
from bluma_async.types import WebhookEvent
from tests.webhooks.events import SECRET


@pytest.mark.parametrize("is_durable", [False, True])
async def test_an_event_without_an_id_is_handled_once(tmp_path: Path, is_durable: bool) -> None:
    """Deliveries of one body are one event; another body is another event."""
    receiver = WebhookReceiver(SECRET, store=SQLiteStore(tmp_path / "events.sqlite") if is_durable else MemoryStore())
    handled: List[WebhookEvent] = []
    receiver.on("*")(handled.append)

    for video_id in ("batch_1", "batch_1", "batch_2"):
        body = json.dumps({"type": "video.completed", "data": {"id": video_id}}).encode()
        assert (await receiver.receive(body, sign_webhook(body, SECRET))).status == 200
        await receiver.aclose()

    assert [event["data"]["id"] for event in handled] == ["batch_1", "batch_2"]
