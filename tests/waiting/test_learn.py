"""Events from elsewhere, such as webhooks, end waits or make polls come at once."""

from __future__ import annotations

import asyncio
from datetime import datetime, timezone

from bluma_async import AsyncBluma
from bluma_async.types import Video, VideoEvent, VideoEventData, WebhookEvent, WebhookEventType
from tests.fakes import answer
from tests.waiting.served import VIDEO, Server, served, slow_client

MOMENT = datetime(2025, 11, 3, 10, 31, tzinfo=timezone.utc)


async def sleeping_wait() -> tuple[AsyncBluma, Server, asyncio.Future[Video]]:
    """Return a wait that has polled once, and whose poller sleeps until it is woken."""
    client, server, clock = served({"v": 1e9})
    is_asleep = asyncio.Event()

    async def sleep(_: float) -> None:
        is_asleep.set()
        await asyncio.Event().wait()

    clock.sleep = sleep  # type: ignore[method-assign]  # these tests need a sleep that never ends
    wait = asyncio.ensure_future(client.videos.wait_for("v"))
    await is_asleep.wait()
    return client, server, wait


async def test_a_final_event_ends_a_wait() -> None:
    """A webhook that reports the end ends the wait without another poll."""
    client, server, wait = await sleeping_wait()

    data = VideoEventData(id="v", status="completed", url="https://cdn/v.mp4", credits_charged=2)
    client.learn(VideoEvent(id="e", type=WebhookEventType.VIDEO_COMPLETED, data=data, created_at=MOMENT))

    done = await wait
    assert (done.status, done.url, done.credits_charged) == ("completed", "https://cdn/v.mp4", 2)
    assert done.completed_at == MOMENT
    assert server.sent == ["/videos/v"]


async def test_an_event_without_a_known_state_polls_at_once() -> None:
    """An event without a known state, such as a deletion, makes the video due for a poll at once."""
    client, server, wait = await sleeping_wait()
    server.ends["v"] = 0.0

    client.learn(VideoEvent(id="e", type=WebhookEventType.VIDEO_DELETED, data=VideoEventData(id="v")))
    client.learn(WebhookEvent(id="e", type=WebhookEventType.CREDITS_LOW))

    assert (await wait).status == "completed"
    assert server.sent == ["/videos/v", "/videos/v"]


async def test_an_event_with_an_unreadable_field_polls_at_once() -> None:
    """It must not replace what is known of the video, such as its price, by a default."""
    client, server, wait = await sleeping_wait()
    server.ends["v"] = 0.0

    data = VideoEventData(id="v", status="completed", credits_charged="n/a")
    client.learn(VideoEvent(id="e", type=WebhookEventType.VIDEO_COMPLETED, data=data))

    assert (await wait).status == "completed"
    assert server.sent == ["/videos/v", "/videos/v"]


async def test_an_event_during_a_poll_polls_once_more() -> None:
    """The answer in flight may be older than the event: the next poll does not wait for an interval."""
    processing, completed = (
        answer(200, {**VIDEO, "id": "v", "status": status}) for status in ("processing", "completed")
    )
    client, transport, clock = slow_client(processing, completed)
    wait = asyncio.ensure_future(client.videos.wait_for("v"))
    await transport.until_sent(1)

    client.learn(VideoEvent(id="e", type=WebhookEventType.VIDEO_DELETED, data=VideoEventData(id="v")))
    await asyncio.sleep(0)
    transport.gate.set()

    assert (await wait).status == "completed"
    assert clock.slept == []
