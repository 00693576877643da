"""Webhooks: who hears of what, how often, and when the sandbox gives up."""

from __future__ import annotations

import json
from typing import Any, List

import pytest

from bluma_async import verify_webhook
from bluma_async.sandbox import Sandbox
from tests.sandbox.conftest import Inbox, Plain


async def hook(plain: Plain, inbox: Inbox, *events: str) -> Any:
    """Have events sent to the inbox."""
    status, made, _ = await plain("POST", "/webhooks", {"url": inbox.url, "events": list(events)})
    assert status == 201
    return made


def types_of(inbox: Inbox) -> List[str]:
    """Return what came, in order."""
    return [json.loads(body)["type"] for _, body in inbox.received]


async def test_a_videos_life_is_told(sandbox: Sandbox, plain: Plain, inbox: Inbox) -> None:
    """Reference 5: three events, signed with the webhook's own secret, with the documented headers."""
    webhook = await hook(plain, inbox, "video.queued", "video.processing", "video.completed", "video.failed")
    made = await plain.make()
    await sandbox.advance(0)
    await sandbox.advance(5)
    await sandbox.advance(100)

    events = [verify_webhook(body, headers["X-Bluma-Signature"], webhook["secret"]) for headers, body in inbox.received]
    headers = inbox.received[-1][0]
    _, log, _ = await plain("GET", f"/webhooks/{webhook['id']}/deliveries")

    assert [event.type for event in events] == ["video.queued", "video.processing", "video.completed"]
    assert (events[2].data.id, events[2].data.duration, events[2].data.credits_charged) == (made["id"], 15, 2)
    assert headers["User-Agent"] == "Bluma-Webhooks/1.0"
    assert (headers["X-Bluma-Event-Id"], headers["X-Bluma-Event-Type"]) == (events[2].id, "video.completed")
    assert [(row["status_code"], row["attempt_number"], row["next_retry_at"]) for row in log["deliveries"]] == [
        (200, 1, None)
    ] * 3


async def test_a_creates_own_url_hears_of_it(sandbox: Sandbox, plain: Plain, inbox: Inbox) -> None:
    """Trap T-15: the sandbox's default secret signs for a per-request `webhook_url`."""
    await plain.make("[fail]", webhook_url=inbox.url)
    await sandbox.advance(105)

    events = [
        verify_webhook(body, headers["X-Bluma-Signature"], sandbox.webhook_secret) for headers, body in inbox.received
    ]

    assert [event.type for event in events] == ["video.queued", "video.processing", "video.failed"]
    assert events[2].data.error.type == "rendering_failed"


async def test_what_is_not_taken_is_sent_again(sandbox: Sandbox, plain: Plain, inbox: Inbox) -> None:
    """Reference 5.3: after 3 s, 30 s, 5 min and 1 h, with the same event id; then it is over."""
    webhook = await hook(plain, inbox, "video.queued")
    inbox.answer = lambda: 500
    await plain.make()
    await sandbox.advance(0)
    counts = [len(inbox.received)]
    for pause in (2, 1, 30, 300, 3600, 10_000):
        await sandbox.advance(pause)
        counts.append(len(inbox.received))

    _, log, _ = await plain("GET", f"/webhooks/{webhook['id']}/deliveries")

    assert counts == [1, 1, 2, 3, 4, 5, 5]
    assert len({headers["X-Bluma-Event-Id"] for headers, _ in inbox.received}) == 1
    assert [row["attempt_number"] for row in log["deliveries"]] == [5, 4, 3, 2, 1]
    assert [row["next_retry_at"] is None for row in log["deliveries"]] == [True, False, False, False, False]
    assert log["deliveries"][0]["error_message"] == "The endpoint answered 500"


async def test_ten_failures_switch_a_webhook_off(sandbox: Sandbox, plain: Plain, inbox: Inbox) -> None:
    """Nobody listens: the log says so, and after ten failures in a row nothing more is sent."""
    webhook = await hook(plain, inbox, "video.queued")
    state = sandbox._running.webhooks.need(webhook["id"])
    state["url"] = "http://127.0.0.1:1/hook"
    for _ in range(4):
        await plain.make()
    for pause in (0, 3, 30, 300):
        await sandbox.advance(pause)

    _, shown, _ = await plain("GET", f"/webhooks/{webhook['id']}")
    _, log, _ = await plain("GET", f"/webhooks/{webhook['id']}/deliveries")
    await plain.make()
    await sandbox.advance(10_000)

    assert shown["is_active"] is False
    assert {row["status_code"] for row in log["deliveries"]} == {None}
    assert len(log["deliveries"]) >= 10
    assert len((await plain("GET", f"/webhooks/{webhook['id']}/deliveries"))[1]["deliveries"]) == len(log["deliveries"])


async def test_a_success_forgives(sandbox: Sandbox, plain: Plain, inbox: Inbox) -> None:
    """Failures count in a row only, and a deleted webhook's retries end with it."""
    webhook = await hook(plain, inbox, "video.queued")
    answers = iter([500, 200, 500])
    inbox.answer = lambda: next(answers)
    await plain.make()
    await sandbox.advance(0)
    await sandbox.advance(3)
    await plain.make()
    await sandbox.advance(0)

    assert sandbox._running.webhooks.need(webhook["id"])["failures"] == 1
    await plain("DELETE", f"/webhooks/{webhook['id']}")
    await sandbox.advance(10_000)
    assert len(inbox.received) == 3


async def test_low_credits_are_told_once_for_each_crossing(plain: Plain, inbox: Inbox) -> None:
    """`credits.low` below ten, `credits.exhausted` at nothing, and again only after a refund."""
    async with Sandbox(clock="manual", render=False, credits=12) as sandbox:
        plain.sandbox, plain.key = sandbox, sandbox.live_key
        await hook(plain, inbox, "credits.low", "credits.exhausted")
        for prompt in ("a", "b", "c", "d", "e", "f [fail]"):
            await plain.make(prompt)
        await sandbox.advance(105)
        assert sandbox.state()["credits"] == 2
        await plain.make("g")
        await sandbox.advance(1)

    assert types_of(inbox) == ["credits.low", "credits.exhausted", "credits.exhausted"]
    assert json.loads(inbox.received[0][1])["data"] == {"remaining": 8, "threshold": 10}


async def test_deliveries_can_be_doubled_and_swapped(sandbox: Sandbox, plain: Plain, inbox: Inbox) -> None:
    """At least once, in any order: the faults show what a receiver must bear."""
    await hook(plain, inbox, "video.queued", "video.processing")
    sandbox.faults.add("webhooks", "duplicate_webhook")
    await plain.make()
    await sandbox.advance(1)
    twice = types_of(inbox)
    sandbox.faults.add("webhooks", "reorder_webhooks")
    await sandbox.advance(4)
    held = types_of(inbox)
    await plain.make()
    await sandbox.advance(1)

    assert twice == ["video.queued"] * 2
    assert held == twice
    assert sorted(types_of(inbox)[2:]) == ["video.processing", "video.queued"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"events": ["video.queued"]}, "url"),
        ({"url": "not a url", "events": ["video.queued"]}, "url"),
        ({"url": "http://example.com/x", "events": ["video.queued"]}, "url"),
        ({"url": "https://x/y", "events": []}, "events"),
        ({"url": "https://x/y", "events": ["video.exploded"]}, "events"),
        ({"url": "https://x/y", "events": "video.queued"}, "events"),
    ],
)
async def test_webhooks_that_cannot_be_are_refused(plain: Plain, body: Any, field: str) -> None:
    """HTTPS, or http on this machine; events that exist."""
    status, answer, _ = await plain("POST", "/webhooks", body)

    assert (status, answer["error"]["validation_errors"][0]["field"]) == (400, field)
