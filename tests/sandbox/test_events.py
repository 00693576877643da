"""Webhooks: subscriptions, signatures, retries, and deactivation."""

from __future__ import annotations

import json
from typing import Any, List

import pytest

from bluma_async import verify_webhook
from bluma_async.sandbox import Sandbox
from bluma_async.sandbox.events import sign_event
from tests.sandbox.conftest import Inbox, Plain


async def register(plain: Plain, inbox: Inbox, *events: str) -> Any:
    """Register a webhook for the inbox."""
    status, made, _ = await plain("POST", "/webhooks", {"url": inbox.url, "events": list(events)})
    assert status == 201
    return made


def list_types(inbox: Inbox) -> List[str]:
    """Return the types of the events received, in order."""
    return [json.loads(body)["type"] for _, body in inbox.received]


async def test_each_status_of_a_video_is_an_event(sandbox: Sandbox, plain: Plain, inbox: Inbox) -> None:
    """Reference 5: three events, signed with the webhook's own secret, with the documented headers."""
    webhook = await register(plain, inbox, "video.queued", "video.processing", "video.completed", "video.failed")
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


async def test_the_webhook_url_of_a_create_gets_its_events(sandbox: Sandbox, plain: Plain, inbox: Inbox) -> None:
    """Trap T-15: a `webhook_url` has no secret of its own; the sandbox's default secret signs."""
    await plain.make("[fail]", webhook_url=inbox.url)
    await sandbox.advance(105)

    events = [
        verify_webhook(body, headers["X-Bluma-Signature"], sandbox.webhook_secret) for headers, body in inbox.received
    ]

    assert [event.type for event in events] == ["video.queued", "video.processing", "video.failed"]
    assert events[2].data.error.type == "rendering_failed"


async def test_a_failed_delivery_is_retried(sandbox: Sandbox, plain: Plain, inbox: Inbox) -> None:
    """Reference 5.3: after 3 s, 30 s, 5 min and 1 h, with the same event id; then no more."""
    webhook = await register(plain, inbox, "video.queued")
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


async def test_ten_failures_deactivate_a_webhook(sandbox: Sandbox, plain: Plain, inbox: Inbox) -> None:
    """An unreachable endpoint has the status 0 in the log, and gets no more attempts after ten failures in a row."""
    webhook = await register(plain, inbox, "video.queued")
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
    assert {row["status_code"] for row in log["deliveries"]} == {0}
    assert len(log["deliveries"]) >= 10
    assert len((await plain("GET", f"/webhooks/{webhook['id']}/deliveries"))[1]["deliveries"]) == len(log["deliveries"])


async def test_a_success_resets_the_count_of_failures(sandbox: Sandbox, plain: Plain, inbox: Inbox) -> None:
    """Only failures in a row count; retries end when the webhook is deleted."""
    webhook = await register(plain, inbox, "video.queued")
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


async def test_low_credits_are_an_event_once_for_each_crossing(plain: Plain, inbox: Inbox) -> None:
    """`credits.low` below ten, `credits.exhausted` at zero, and again only after a refund."""
    async with Sandbox(clock="manual", render=False, credits=12) as sandbox:
        plain.sandbox, plain.key = sandbox, sandbox.live_key
        await register(plain, inbox, "credits.low", "credits.exhausted")
        for prompt in ("a", "b", "c", "d", "e", "f [fail]"):
            await plain.make(prompt)
        await sandbox.advance(105)
        assert sandbox.state()["credits"] == 2
        await plain.make("g")
        await sandbox.advance(1)

    assert list_types(inbox) == ["credits.low", "credits.exhausted", "credits.exhausted"]
    assert json.loads(inbox.received[0][1])["data"] == {"remaining": 8, "threshold": 10}


async def test_deliveries_can_be_duplicated_and_reordered(sandbox: Sandbox, plain: Plain, inbox: Inbox) -> None:
    """Two faults simulate delivery at least once and in any order."""
    await register(plain, inbox, "video.queued", "video.processing")
    sandbox.faults.add("webhooks", "duplicate_webhook")
    await plain.make()
    await sandbox.advance(1)
    twice = list_types(inbox)
    sandbox.faults.add("webhooks", "reorder_webhooks")
    await sandbox.advance(4)
    held = list_types(inbox)
    await plain.make()
    await sandbox.advance(1)

    assert twice == ["video.queued"] * 2
    assert held == twice
    assert sorted(list_types(inbox)[2:]) == ["video.processing", "video.queued"]


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
async def test_invalid_webhooks_are_rejected(plain: Plain, body: Any, field: str) -> None:
    """The URL must be HTTPS, or http on loopback; the events must exist."""
    status, answer, _ = await plain("POST", "/webhooks", body)

    assert (status, answer["error"]["validation_errors"][0]["field"]) == (400, field)


def test_an_event_is_signed_as_documented() -> None:
    """Reference 5: HMAC-SHA256 of the raw body with the whole secret; the expected value was computed with openssl."""
    signature = sign_event(b'{"type":"video.queued"}', "whsec_test")

    assert signature == "sha256=63d2e7cb1ba275acca2091a3bb21bdd6b9c89974163bd94992baf9bd5af1d124"
