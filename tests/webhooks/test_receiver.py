"""What a receiver does with events, whatever framework they come through."""

from __future__ import annotations

import asyncio
import contextlib
import json
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
from tests.webhooks.servers import with_aiohttp

SECRET = "whsec_test"


def body_of(event_id: str = "evt_1", kind: str = "video.completed", **data: Any) -> bytes:
    """Return the body of an event."""
    return json.dumps({"id": event_id, "type": kind, "data": {"id": "batch_1", **data}}).encode()


async def deliver(receiver: WebhookReceiver, body: bytes) -> int:
    """Deliver a signed body, and wait for its handlers."""
    reply = await receiver.receive(body, sign_webhook(body, SECRET))
    await receiver.aclose()
    return reply.status


async def test_handlers_hear_what_they_asked_for() -> None:
    """One type, a family, all; plain and async; in the order in which they were added."""
    receiver, heard = WebhookReceiver(SECRET), []

    @receiver.on("video.completed")
    async def one(event: WebhookEvent) -> None:
        await asyncio.sleep(0)
        heard.append(f"one {event.id}")

    receiver.on("video.*")(lambda event: heard.append(f"family {event.id}"))
    receiver.on("*")(lambda event: heard.append(f"all {event.id}"))
    for name, kind in (("a", "video.completed"), ("b", "video.failed"), ("c", "credits.low"), ("d", "new.kind")):
        assert await deliver(receiver, body_of(name, kind)) == 200

    assert heard == ["one a", "family a", "all a", "family b", "all b", "all c", "all d"]
    with pytest.raises(errors.InvalidArgumentError, match="There is no event"):
        receiver.on("video.finished")


async def test_a_secret_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    """From the argument or the environment; several while it is being rotated."""
    with pytest.raises(errors.BlumaError, match="BLUMA_WEBHOOK_SECRET"):
        WebhookReceiver()
    monkeypatch.setenv("BLUMA_WEBHOOK_SECRET", SECRET)

    assert await deliver(WebhookReceiver(), body_of()) == 200
    assert await deliver(WebhookReceiver(["whsec_new", SECRET]), body_of()) == 200
    assert SECRET not in repr(WebhookReceiver()) + repr(vars(WebhookReceiver())["_handlers"])


async def test_the_answer_does_not_wait_for_handlers() -> None:
    """A handler that never ends holds up no answer."""
    receiver, gate = WebhookReceiver(SECRET), asyncio.Event()
    receiver.on("*")(lambda _: gate.wait())
    body = body_of()

    reply = await receiver.receive(body, sign_webhook(body, SECRET))
    gate.set()
    await receiver.aclose()

    assert reply.status == 200


async def test_a_handler_that_fails(caplog: pytest.LogCaptureFixture) -> None:
    """It is logged and told; the others run; on_error may fail too."""
    told: List[Any] = []

    def hear(event: WebhookEvent, error: Exception) -> None:
        told.append((event.id, type(error)))
        raise KeyError

    receiver = WebhookReceiver(SECRET, on_error=hear)
    receiver.on("*")(lambda _: 1 / 0)
    receiver.on("*")(lambda event: told.append(event.id))
    with caplog.at_level(logging.ERROR, "bluma"):
        assert await deliver(receiver, body_of()) == 200

    assert told == [("evt_1", ZeroDivisionError), "evt_1"]
    assert [record.getMessage() for record in caplog.records] == [
        "A handler of video.completed (evt_1) failed.",
        "on_error failed.",
    ]


def asyncio_run(work: Any) -> Any:
    """Run in a thread of its own: pytest-asyncio has a loop waiting in this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


class Broken(MemoryStore):
    """A store that fails."""

    def claim(self, event_id: str, body: bytes) -> bool:
        raise OSError("no disk")

    def finish(self, event_id: str) -> None:
        raise OSError("no disk")


class BrokenLater(MemoryStore):
    """A store that fails afterwards."""

    finish = Broken.finish


class Async:
    """A store over something async."""

    def __init__(self) -> None:
        self.log: List[str] = []

    async def claim(self, event_id: str, body: bytes) -> bool:
        self.log.append(f"claim {event_id}")
        return len(self.log) < 4

    async def finish(self, event_id: str) -> None:
        self.log.append(f"finish {event_id}")

    async def unfinished(self) -> List[bytes]:
        return [body_of("left")]


async def test_stores_that_fail_or_are_async(caplog: pytest.LogCaptureFixture) -> None:
    """503, so that the event is sent again; a store's methods may be async."""
    heard: List[str] = []
    store = Async()
    receiver = WebhookReceiver(SECRET, store=store)
    receiver.on("*")(lambda event: heard.append(event.id))

    assert await deliver(WebhookReceiver(SECRET, store=Broken()), body_of()) == 503
    assert await deliver(WebhookReceiver(SECRET, store=BrokenLater()), body_of()) == 200
    assert [await deliver(receiver, body_of()) for _ in range(2)] == [200, 200]
    assert heard == ["left", "evt_1"]
    assert "finish evt_1" in store.log
    assert len(caplog.records) == 2


async def test_a_sender_that_hangs_up_loses_nothing() -> None:
    """An event that was claimed is handled, also if nobody waits for the answer any more."""
    heard: List[str] = []
    gate = asyncio.Event()

    class Slow(Async):
        async def claim(self, event_id: str, body: bytes) -> bool:
            await gate.wait()
            return True

        async def unfinished(self) -> List[bytes]:
            return []

    receiver = WebhookReceiver(SECRET, store=Slow())
    receiver.on("*")(lambda event: heard.append(event.id))
    body = body_of()
    task = asyncio.ensure_future(receiver.receive(body, sign_webhook(body, SECRET)))
    await asyncio.sleep(0)

    task.cancel()
    gate.set()
    await receiver.aclose()

    assert heard == ["evt_1"]


def test_of_many_at_once_one_is_told(tmp_path: Path) -> None:
    """Threads and processes race for the same event; the memory store forgets the oldest."""
    for store in (MemoryStore(), SQLiteStore(tmp_path / "events")):
        with ThreadPoolExecutor(8) as pool:
            claims = list(pool.map(lambda _, store=store: store.claim("evt", b"{}"), range(40)))
        assert sum(claims) == 1

    small = MemoryStore(most=2)
    assert [small.claim(name, b"") for name in "aabca"] == [True, False, True, True, True]


def test_what_a_crash_left_is_handled_later(tmp_path: Path) -> None:
    """An event that was claimed long ago and never finished is handled after all; no other is."""
    store, heard = SQLiteStore(tmp_path / "events"), []
    for name in ("lost", "done", "young"):
        store.claim(name, body_of(name))
    store.finish("done")
    with contextlib.closing(sqlite3.connect(tmp_path / "events")) as database, database:
        database.execute("UPDATE events SET claimed_at = 0 WHERE id = 'lost'")
    receiver = WebhookReceiver(SECRET, store=store)
    receiver.on("*")(lambda event: heard.append(event.id))

    asyncio_run(deliver(receiver, body_of("new")))

    assert sorted(heard) == ["lost", "new"]
    assert store.unfinished() == []


def test_finished_events_are_forgotten_in_time(tmp_path: Path) -> None:
    """After `keep` seconds; until then they are remembered, without their bodies."""
    store = SQLiteStore(tmp_path / "events", keep=-1.0)
    store.claim("a", b"secret")
    store.finish("a")

    with contextlib.closing(sqlite3.connect(tmp_path / "events")) as database:
        assert database.execute("SELECT * FROM events").fetchall() == []


async def test_a_wait_ends_when_the_webhook_comes(sandbox: Sandbox, client: AsyncBluma) -> None:
    """The sandbox delivers, the receiver verifies, the wait ends without a further poll."""
    receiver = WebhookReceiver(sandbox.webhook_secret)
    receiver.attach(client)
    with with_aiohttp(receiver) as port:
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


def test_a_blocking_wait_ends_when_the_webhook_comes() -> None:
    """A receiver attached to a blocking client, fed from another thread; plain handlers run beside the loop."""
    threads: List[threading.Thread] = []
    ran = threading.Event()
    receiver = WebhookReceiver(SECRET)

    @receiver.on("video.completed")
    def slow(_: WebhookEvent) -> None:
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
            body = body_of(kind="video.completed", id=video.id, status="completed", url="https://cdn/x.mp4")
            reply = run(receiver.receive(body, sign_webhook(body, SECRET)))

            assert wait.result(10).url == "https://cdn/x.mp4"
        assert reply.status == 200
        assert ran.wait(10)
        assert threads[0].name != "bluma"


async def test_the_lifespan_and_other_protocols_of_asgi() -> None:
    """A server that stops waits for handlers; a WebSocket is turned away."""
    receiver, sent, gate = WebhookReceiver(SECRET), [], asyncio.Event()
    app = receiver.asgi_app()
    messages = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])

    async def receive() -> Any:
        return next(messages)

    async def send(message: Any) -> None:
        sent.append(message["type"])

    await app({"type": "lifespan"}, receive, send)
    await app({"type": "websocket"}, receive, send)

    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete", "websocket.close"]
    assert not gate.is_set()
