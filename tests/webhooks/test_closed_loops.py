"""A program that runs a receiver in one event loop after another: handlers end with their loop, events are not lost."""

from __future__ import annotations

import asyncio
import logging
import threading
from typing import Any, Dict, List

import pytest

from bluma import MemoryStore, WebhookReceiver, sign_webhook
from bluma_async.webhooks.reply import Reply
from tests.webhooks.events import SECRET, make_body

LEASE = 120.0


class PlainStore:
    """A store of a user, with the three methods of `EventStore`."""

    def __init__(self) -> None:
        self.claimed: Dict[str, bytes] = {}

    def claim(self, event_id: str, body: bytes) -> bool:
        """Record an event."""
        return self.claimed.setdefault(event_id, body) is body

    def finish(self, event_id: str) -> None:
        """Do nothing."""

    def unfinished(self) -> List[bytes]:
        """Return nothing."""
        return []


class SlowHandler:
    """A handler that ends only while `is_quick`, and the events that it has handled."""

    def __init__(self, receiver: WebhookReceiver) -> None:
        self.is_quick = False
        self.handled: List[str] = []
        receiver.on("*")(self.handle)

    async def handle(self, event: Any) -> None:
        """Wait for ever, or note the event."""
        if not self.is_quick:
            await asyncio.Event().wait()
        self.handled.append(event.id)


async def send(receiver: WebhookReceiver, name: str = "evt_1") -> Reply:
    """Deliver an event."""
    body = make_body(name)
    return await receiver.receive(body, sign_webhook(body, SECRET))


async def send_and_close(receiver: WebhookReceiver) -> Reply:
    """Deliver an event, and wait for its handlers."""
    reply = await send(receiver)
    await receiver.aclose()
    return reply


def test_an_event_of_a_closed_loop_is_handled_when_it_is_sent_again(caplog: pytest.LogCaptureFixture) -> None:
    """The store of a user cannot say that the claim is its own; the receiver knows that nothing has finished it."""
    receiver = WebhookReceiver(SECRET, store=PlainStore())
    handler = SlowHandler(receiver)

    first = asyncio.run(send(receiver))
    handler.is_quick = True
    again = asyncio.run(send_and_close(receiver))
    last = asyncio.run(send_and_close(receiver))

    assert [reply.status for reply in (first, again, last)] == [200, 200, 200]
    assert handler.handled == ["evt_1"]
    assert [(record.levelno, "aclose" in record.message) for record in caplog.records] == [(logging.WARNING, True)]


def test_the_lease_decides_when_an_event_of_a_closed_loop_is_handled() -> None:
    """Another process could have taken the event over, so the reply is a 503 until the claim has ended."""
    now = 0.0
    receiver = WebhookReceiver(SECRET, store=MemoryStore(lease=LEASE, now=lambda: now))
    handler = SlowHandler(receiver)

    statuses = [asyncio.run(send(receiver)).status]
    handler.is_quick = True
    statuses.append(asyncio.run(send_and_close(receiver)).status)
    now = LEASE
    statuses.append(asyncio.run(send_and_close(receiver)).status)

    assert (statuses, handler.handled) == ([200, 503, 200], ["evt_1"])


def test_events_of_closed_loops_do_not_fill_the_receiver() -> None:
    """Only events whose handlers can still run count against `concurrency` and `max_waiting`."""
    receiver = WebhookReceiver(SECRET, concurrency=1, max_waiting=1)
    SlowHandler(receiver)

    statuses = [asyncio.run(send(receiver, f"evt_{number}")).status for number in range(6)]

    assert statuses == [200] * 6


@pytest.mark.parametrize("is_run", [True, False], ids=["asyncio.run", "a loop that is only closed"])
def test_a_claim_of_a_closed_loop_may_have_been_recorded(is_run: bool) -> None:
    """The loop ends while the store records the event: it is handled when it is sent again, although it is not new."""
    gate, store = threading.Event(), PlainStore()
    record, store.claim = store.claim, lambda *event: record(*event) and gate.wait(10)  # type: ignore[method-assign]
    receiver = WebhookReceiver(SECRET, store=store, store_timeout=0.01, concurrency=1, max_waiting=0)
    handler = SlowHandler(receiver)
    handler.is_quick = True

    statuses = [asyncio.run(send(receiver)).status if is_run else run_and_drop(send(receiver)).status]
    gate.set()
    store.claim = record  # type: ignore[method-assign]  # it answers at once
    receiver._claims._timeout = 8.0  # the claim may take its time on a loaded machine
    statuses.append(asyncio.run(send_and_close(receiver)).status)

    assert (statuses, handler.handled) == ([503, 200], ["evt_1"])


def run_and_drop(work: Any) -> Any:
    """Run a coroutine in a loop, and close that without ending its other tasks."""
    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(work)
    finally:
        for task in asyncio.all_tasks(loop):
            task._log_destroy_pending = False  # type: ignore[attr-defined]  # the test drops it on purpose
        loop.close()
