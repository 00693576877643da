"""Bodies that anybody can send raise WebhookVerificationError, and nothing else."""

from __future__ import annotations

import json
import os
from typing import Any, Dict, Mapping

import pytest

from bluma_async import AsyncLuma, errors
from bluma_async.luma.kie import sign
from bluma_async.resources._videos.source import VideoSource
from bluma_async.types import VideoEvent, VideoEventData, WebhookEventType
from tests.fakes import client_with
from tests.webhooks.events import SECRET
from tests.webhooks.fuzzing import Account, run

COUNT = int(os.environ.get("BLUMA_FUZZ", "3000"))
DEEP = b'{"data": ' * 100_000
NAMED = {"data": {"taskId": "t"}, "task_id": "t"}
CALLBACKS: Mapping[str, Any] = {
    "deep": (DEEP, {}),
    "a path": (b'{"data": {"taskId": ".."}, "task_id": ".."}', {}),
    "half a character": (b'{"data": {"taskId": "\\ud800"}, "task_id": "\\ud800"}', {}),
    "a long time": (json.dumps(NAMED).encode(), {"X-Webhook-Timestamp": "9" * 400}),
    "a longer time": (json.dumps(NAMED).encode(), {"X-Webhook-Timestamp": "9" * 5000}),
    "a header of bytes": (json.dumps(NAMED).encode(), {"X-Webhook-Timestamp": b"1", "X-Webhook-Signature": 5}),
    "no bytes": (None, {}),
}


async def test_hostile_requests_raise_the_documented_error_alone() -> None:
    """Of many requests with odd, cut and genuine bodies and headers none does harm; all kinds of outcomes occur."""
    outcomes = await run(COUNT)

    assert set(outcomes) == {"200", "400", "401", "callback", "no callback"}


@pytest.mark.parametrize("name", CALLBACKS)
async def test_a_callback_that_cannot_be_read_is_not_verified(name: str) -> None:
    """With and without a secret; the error of the parser is its cause, and nothing is sent."""
    body, headers = CALLBACKS[name]
    transport: Any = Account()
    transport.send = int  # calling it would raise a TypeError

    async with AsyncLuma("kie", "key", transport=transport, webhook_secret=SECRET) as luma:
        with pytest.raises(errors.WebhookVerificationError):
            await luma.modifications.receive_callback(body, headers)
    if "time" not in name and "header" not in name:  # V-API signs nothing
        async with AsyncLuma("vapi", "key", transport=transport) as luma:
            with pytest.raises(errors.WebhookVerificationError):
                await luma.generations.receive_callback(body, headers)


async def test_a_genuine_callback_is_read() -> None:
    """The checks refuse no genuine one."""
    import time

    transport: Any = Account()
    now = str(int(time.time()))
    headers = {"X-Webhook-Timestamp": now, "X-Webhook-Signature": sign("t", now, SECRET)}

    async with AsyncLuma("kie", "key", transport=transport, webhook_secret=SECRET, base_url="https://kie.x") as luma:
        done = await luma.modifications.receive_callback(json.dumps(NAMED).encode(), headers)

    assert (done.id, done.state) == ("t", "succeeded")


@pytest.mark.parametrize("fields", [{"status": 5}, {"status": ["x"]}, {"id": None}, {"id": ["x"]}, {"id": ""}])
def test_an_event_with_other_fields_than_documented_is_polled(fields: Dict[str, Any]) -> None:
    """A signed event whose data cannot be used tells no state: the video is read instead."""
    client, _, _ = client_with(errors.NetworkError("cut"))
    data = VideoEventData({"id": "v", "status": "completed", **fields})
    event = VideoEvent(id="e", type=WebhookEventType.VIDEO_COMPLETED, data=data)

    assert VideoSource(client._session).merge_event(None, event) is None
