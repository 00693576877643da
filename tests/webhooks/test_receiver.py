"""The receiver without a web framework: handlers, event stores, and waits that an event ends."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, List

import pytest

from bluma import Bluma, MemoryStore, SQLiteStore, WebhookReceiver, sign_webhook
from bluma_async import AsyncBluma, errors
from bluma_async.sandbox import Sandbox
from bluma_async.types import WebhookEvent
from bluma_sync._portal import run
from tests.live import Live
from tests.webhooks.events import SECRET, make_body
from tests.webhooks.servers import serve_with_aiohttp


async def deliver(receiver: WebhookReceiver, body: bytes) -> int:
    """Deliver a signed body, wait for its handlers, and return the status of the reply."""
    reply = await receiver.receive(body, sign_webhook(body, SECRET))
    await receiver.aclose()
    return reply.status


async def test_handlers_get_the_types_they_registered_for() -> None:
    """A handler gets one type, a family or all events; handlers run in the order in which they were added."""
    receiver, handled = WebhookReceiver(SECRET), []

    @receiver.on("video.completed")
    async def one(event: WebhookEvent) -> None:
        await asyncio.sleep(0)
        handled.append(f"one {event.id}")

    receiver.on("video.*")(lambda event: handled.append(f"family {event.id}"))
    receiver.on("*")(lambda event: handled.append(f"all {event.id}"))
    for name, event_type in (("a", "video.completed"), ("b", "video.failed"), ("c", "credits.low"), ("d", "new.type")):
        assert await deliver(receiver, make_body(name, event_type)) == 200

    assert handled == ["one a", "family a", "all a", "family b", "all b", "all c", "all d"]
    with pytest.raises(errors.InvalidArgumentError, match="There is no event"):
        receiver.on("video.finished")


async def test_a_secret_is_required(monkeypatch: pytest.MonkeyPatch) -> None:
    """The secret comes from the argument or the environment; a rotation may have several; no repr shows it."""
    with pytest.raises(errors.BlumaError, match="BLUMA_WEBHOOK_SECRET"):
        WebhookReceiver()
    monkeypatch.setenv("BLUMA_WEBHOOK_SECRET", SECRET)

    assert await deliver(WebhookReceiver(), make_body()) == 200
    assert await deliver(WebhookReceiver(["whsec_new", SECRET]), make_body()) == 200
    assert SECRET not in repr(WebhookReceiver()) + repr(vars(WebhookReceiver())["_handlers"])


async def test_the_reply_does_not_wait_for_handlers() -> None:
    """A handler that has not ended does not delay the reply."""
    receiver, gate = WebhookReceiver(SECRET), asyncio.Event()
    receiver.on("*")(lambda _: gate.wait())
    body = make_body()

    reply = await receiver.receive(body, sign_webhook(body, SECRET))
    gate.set()
    await receiver.aclose()

    assert reply.status == 200


async def test_a_handler_that_fails_is_logged_and_reported(caplog: pytest.LogCaptureFixture) -> None:
    """The error is logged and passed to on_error, which may fail too; the other handlers run."""
    calls: List[Any] = []

    def on_error(event: WebhookEvent, error: Exception) -> None:
        calls.append((event.id, type(error)))
        raise KeyError

    receiver = WebhookReceiver(SECRET, on_error=on_error)
    receiver.on("*")(lambda _: 1 / 0)
    receiver.on("*")(lambda event: calls.append(event.id))
    with caplog.at_level(logging.ERROR, "bluma"):
        assert await deliver(receiver, make_body()) == 200

    assert calls == [("evt_1", ZeroDivisionError), "evt_1"]
    assert [record.getMessage() for record in caplog.records] == [
        "A handler of video.completed (evt_1) failed.",
        "on_error failed.",
    ]


def run_in_thread(work: Any) -> Any:
    """Run a coroutine in another thread: this one may have an event loop of pytest-asyncio."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


class BrokenStore(MemoryStore):
    """A store whose every operation fails."""

    def claim(self, event_id: str, body: bytes) -> bool:
        raise OSError("no disk")

    def finish(self, event_id: str) -> None:
        raise OSError("no disk")


class BrokenFinishStore(MemoryStore):
    """A store that fails only after an event was handled."""

    finish = BrokenStore.finish


class AsyncStore:
    """A store whose methods are async."""

    def __init__(self) -> None:
        self.log: List[str] = []

    async def claim(self, event_id: str, body: bytes) -> bool:
        self.log.append(f"claim {event_id}")
        return len(self.log) < 4

    async def finish(self, event_id: str) -> None:
        self.log.append(f"finish {event_id}")

    async def unfinished(self) -> List[bytes]:
        return [make_body("left")]


async def test_event_stores_may_fail_and_may_be_async(caplog: pytest.LogCaptureFixture) -> None:
    """A store that cannot claim makes the reply a 503, so that the event is sent again; async stores are awaited."""
    handled: List[str] = []
    store = AsyncStore()
    receiver = WebhookReceiver(SECRET, store=store)
    receiver.on("*")(lambda event: handled.append(event.id))

    assert await deliver(WebhookReceiver(SECRET, store=BrokenStore()), make_body()) == 503
    assert await deliver(WebhookReceiver(SECRET, store=BrokenFinishStore()), make_body()) == 200
    assert [await deliver(receiver, make_body()) for _ in range(2)] == [200, 200]
    assert sorted(handled) == ["evt_1", "left"]
    assert "finish evt_1" in store.log
    assert len(caplog.records) == 2


async def test_a_sender_that_disconnects_loses_no_event() -> None:
    """A claimed event is handled although the request was cancelled."""
    handled: List[str] = []
    gate = asyncio.Event()

    class SlowStore(AsyncStore):
        async def claim(self, event_id: str, body: bytes) -> bool:
            await gate.wait()
            return True

        async def unfinished(self) -> List[bytes]:
            return []

    receiver = WebhookReceiver(SECRET, store=SlowStore())
    receiver.on("*")(lambda event: handled.append(event.id))
    body = make_body()
    task = asyncio.ensure_future(receiver.receive(body, sign_webhook(body, SECRET)))
    await asyncio.sleep(0)

    task.cancel()
    gate.set()
    await receiver.aclose()

    assert handled == ["evt_1"]


def test_one_of_many_claims_succeeds(tmp_path: Path) -> None:
    """Of many threads that claim one event at the same time, one succeeds; the memory store forgets the oldest ids."""
    for store in (MemoryStore(), SQLiteStore(tmp_path / "events")):
        with ThreadPoolExecutor(8) as pool:
            claims = list(pool.map(lambda _, store=store: store.claim("evt", b"{}"), range(40)))
        assert sum(claims) == 1

    small = MemoryStore(most=2)
    assert [small.claim(name, b"") for name in "aabca"] == [True, False, True, True, True]


def test_events_unfinished_at_a_crash_are_handled_later(tmp_path: Path) -> None:
    """An event that was claimed long ago and not finished is handled with the next event; no other is."""
    store, handled = SQLiteStore(tmp_path / "events"), []
    for name in ("lost", "done", "young"):
        store.claim(name, make_body(name))
    store.finish("done")
    with contextlib.closing(sqlite3.connect(tmp_path / "events")) as database, database:
        database.execute("UPDATE events SET claimed_at = 0 WHERE id = 'lost'")
    receiver = WebhookReceiver(SECRET, store=store)
    receiver.on("*")(lambda event: handled.append(event.id))

    run_in_thread(deliver(receiver, make_body("new")))

    assert sorted(handled) == ["lost", "new"]
    assert store.unfinished() == []


def test_finished_events_are_deleted_after_keep(tmp_path: Path) -> None:
    """A finished event stays in the file for `keep` seconds."""
    store = SQLiteStore(tmp_path / "events", keep=-1.0)
    store.claim("a", b"secret")
    store.finish("a")

    with contextlib.closing(sqlite3.connect(tmp_path / "events")) as database:
        assert database.execute("SELECT * FROM events").fetchall() == []


async def test_a_webhook_ends_a_wait(sandbox: Sandbox, client: AsyncBluma) -> None:
    """The sandbox delivers the event, and the wait ends without another poll."""
    receiver = WebhookReceiver(sandbox.webhook_secret)
    receiver.attach(client)
    with serve_with_aiohttp(receiver) as port:
        video = await client.videos.create(
            {"prompt": "x"}, "ugc-text-overlay", webhook_url=f"http://127.0.0.1:{port}/hook"
        )
        polled = asyncio.Event()
        sandbox.watch(lambda record: polled.set() if record.route == "GET /videos/{id}" else None)
        wait = asyncio.ensure_future(client.videos.wait_for(video.id, poll_interval=3600))
        await polled.wait()
        await sandbox.advance(105)

        done = await wait

    assert (done.status, done.credits_charged, done.template_id) == ("completed", 2, "ugc-text-overlay")
    assert done.created_at == video.created_at
    assert done.url
    reads = [record for record in sandbox.requests if record.path.endswith(video.id)]
    assert len(reads) == 1


def test_a_webhook_ends_a_blocking_wait() -> None:
    """An event ends a wait of another thread; a plain handler does not run in the thread of the loop."""
    threads: List[threading.Thread] = []
    ran = threading.Event()
    receiver = WebhookReceiver(SECRET)

    @receiver.on("video.completed")
    def completed(_: WebhookEvent) -> None:
        threads.append(threading.current_thread())
        ran.set()

    live = Live()
    with live as sandbox, Bluma(sandbox.live_key, base_url=sandbox.base_url) as client:
        receiver.attach(client)
        video = client.videos.create({"prompt": "x"}, "ugc-text-overlay")
        polled = threading.Event()
        sandbox.watch(lambda record: polled.set() if record.route == "GET /videos/{id}" else None)
        with ThreadPoolExecutor(1) as pool:
            wait = pool.submit(client.videos.wait_for, video.id, 3600)
            assert polled.wait(10)
            body = make_body(data={"id": video.id, "status": "completed", "url": "https://cdn/x.mp4"})
            reply = run(receiver.receive(body, sign_webhook(body, SECRET)))

            assert wait.result(10).url == "https://cdn/x.mp4"
        assert reply.status == 200
        assert ran.wait(10)
        assert threads[0].name != "bluma"


@pytest.mark.parametrize("max_age", ["7200", float("nan"), -1, 0, True])
def test_an_invalid_max_age_is_refused(max_age: Any) -> None:
    """A receiver that is made with it would raise at each event, accept every age, or refuse all events."""
    with pytest.raises(errors.InvalidArgumentError, match="max_age must be a number of seconds above 0"):
        WebhookReceiver("whsec_" + "a" * 32, max_age=max_age)
