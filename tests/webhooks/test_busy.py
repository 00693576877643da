"""Slow handlers delay neither replies nor the work of files and stores; what waits has a limit."""

from __future__ import annotations

import asyncio
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, List

import pytest

from bluma import Bluma, SQLiteStore, WebhookReceiver, sign_webhook
from bluma_async import errors
from bluma_sync._portal import run
from tests.live import Live
from tests.webhooks.events import SECRET, make_body
from tests.webhooks.test_frameworks import serve

BOUND = 8.0  # seconds in which a loaded machine replies


def send(receiver: WebhookReceiver, name: str) -> int:
    """Deliver an event from a blocking program, and return the status of the reply."""
    body = make_body(name)
    return run(receiver.receive(body, sign_webhook(body, SECRET))).status


async def receive(receiver: WebhookReceiver, name: str) -> Any:
    """Deliver an event from an async program, and return the reply."""
    body = make_body(name)
    return await receiver.receive(body, sign_webhook(body, SECRET))


def test_slow_handlers_hold_nothing_else(tmp_path: Path) -> None:
    """With 60 handlers that block, the next event is answered, and a blocking client still saves a file."""
    gate, handled = threading.Event(), threading.Semaphore(0)
    receiver = WebhookReceiver(SECRET, store=SQLiteStore(tmp_path / "events.sqlite"))

    @receiver.on("video.completed")
    def wait(_: Any) -> None:
        gate.wait(15)
        handled.release()

    with Live(at_once=True) as sandbox, Bluma(sandbox.live_key, base_url=sandbox.base_url) as client:
        video = client.videos.create({"prompt": "x"}, "ugc-text-overlay")
        with ThreadPoolExecutor(2) as pool:
            replies = [pool.submit(send, receiver, f"evt_{number}") for number in range(60)]
            assert [reply.result(BOUND) for reply in replies] == [200] * 60
            assert pool.submit(send, receiver, "evt_60").result(BOUND) == 200
            saving = pool.submit(client.videos.save, video.id, tmp_path / "x.mp4")
            try:
                assert saving.result(BOUND) > 0
            finally:
                gate.set()
        assert all(handled.acquire(timeout=BOUND) for _ in range(61))


@pytest.mark.parametrize("is_plain", [True, False])
async def test_a_limited_number_of_events_is_handled_at_a_time(is_plain: bool) -> None:
    """`concurrency` bounds async handlers and the threads of plain ones; each event's handlers run one by one."""
    running, most = 0, 0
    lock = threading.Lock()
    barrier, gate = threading.Barrier(3, timeout=BOUND), asyncio.Event()
    receiver = WebhookReceiver(SECRET, concurrency=3)

    def count(change: int) -> None:
        nonlocal running, most
        with lock:
            running += change
            most = max(most, running)

    def plain(_: Any) -> None:
        count(1)
        barrier.wait()  # three run at the same time: one would wait in vain
        count(-1)

    async def asynchronous(_: Any) -> None:
        count(1)
        await gate.wait()
        count(-1)

    receiver.on("*")(plain if is_plain else asynchronous)
    replies = [await receive(receiver, f"evt_{number}") for number in range(12)]
    gate.set()
    await receiver.aclose()

    assert {reply.status for reply in replies} == {200}
    assert (running, most) == (0, 3)


async def test_beyond_max_waiting_events_must_be_sent_again() -> None:
    """The reply is a 503 with Retry-After, and nothing is claimed: the event is handled when it is sent again."""
    gate, handled = asyncio.Event(), []
    receiver = WebhookReceiver(SECRET, concurrency=1, max_waiting=1)

    @receiver.on("*")
    async def wait(event: Any) -> None:
        await gate.wait()
        handled.append(event.id)

    replies = [await receive(receiver, f"evt_{number}") for number in range(3)]
    again = await receive(receiver, "evt_1")
    gate.set()
    await receiver.aclose()
    late = await receive(receiver, "evt_2")
    await receiver.aclose()

    assert [reply.status for reply in replies] == [200, 200, 503]
    assert (replies[2].retry_after, replies[2].text) == (30, "Too many events wait for their handlers. Send it again.")
    assert (again.status, late.status) == (200, 200)
    assert handled == ["evt_0", "evt_1", "evt_2"]


@pytest.mark.parametrize("framework", ["aiohttp", "asgi", "flask", "django"])
def test_retry_after_reaches_the_sender(framework: str) -> None:
    """Every framework sends the header."""
    import http.client

    gate = threading.Event()
    with serve(framework, concurrency=1, max_waiting=0) as endpoint:
        endpoint.receiver.on("*")(lambda _: gate.wait(15))
        assert endpoint.post(make_body("evt_0"))[0] == 200
        body = make_body("evt_1")
        connection = http.client.HTTPConnection("127.0.0.1", endpoint.port, timeout=10)
        connection.request("POST", "/hook", body, {"X-Bluma-Signature": sign_webhook(body, SECRET)})
        response = connection.getresponse()
        response.read()
        connection.close()
        gate.set()

        assert (response.status, response.headers["Retry-After"]) == (503, "30")


async def test_a_plain_handler_may_block_in_an_async_program() -> None:
    """It has a thread of its own, so the event loop goes on: another handler can end its wait."""
    seen = threading.Event()
    receiver = WebhookReceiver(SECRET)
    receiver.on("video.completed")(lambda _: seen.wait(BOUND))

    await receive(receiver, "evt_1")
    await asyncio.sleep(0)
    seen.set()
    await receiver.aclose()


class Strange(BaseException):
    """Raised by nobody but these tests."""


@pytest.mark.parametrize("kind", ["exit", "async exit", "cancelled", "interrupted"])
async def test_no_handler_prevents_the_others(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    """`exit()` ends neither the loop nor the thread, and a cancelled await does not cancel the other handlers."""
    handled: List[str] = []
    receiver = WebhookReceiver(SECRET, on_error=lambda event, error: handled.append(type(error).__name__))

    async def asynchronous(_: Any) -> None:
        if kind == "async exit":
            raise SystemExit(3)
        future = asyncio.get_running_loop().create_future()
        future.cancel()
        await future

    def plain(_: Any) -> None:
        raise SystemExit(3) if kind == "exit" else Strange

    receiver.on("*")(plain if kind in {"exit", "interrupted"} else asynchronous)
    receiver.on("*")(lambda event: handled.append(event.id))
    with caplog.at_level(logging.ERROR, "bluma"):
        assert (await receive(receiver, "evt_1")).status == 200
        await receiver.aclose()

    names = {"cancelled": "CancelledError", "interrupted": "Strange"}
    assert handled == [names.get(kind, "RuntimeError"), "evt_1"]
    assert [record.getMessage() for record in caplog.records] == ["A handler of video.completed (evt_1) failed."]


@pytest.mark.parametrize("is_plain", [True, False])
async def test_a_handler_may_close_its_receiver(is_plain: bool) -> None:
    """`aclose` waits for the other handlers, not for the one that calls it."""
    closed = threading.Event()
    receiver = WebhookReceiver(SECRET)
    loop = asyncio.get_running_loop()

    async def asynchronous(_: Any) -> None:
        await receiver.aclose()
        closed.set()

    def plain(_: Any) -> None:
        asyncio.run_coroutine_threadsafe(receiver.aclose(), loop)
        closed.set()

    receiver.on("*")(plain if is_plain else asynchronous)
    await receive(receiver, "evt_1")
    await asyncio.wait_for(receiver.aclose(), BOUND)

    assert closed.is_set()


async def test_waits_do_not_queue_behind_handlers() -> None:
    """An event ends the waits of attached clients at once; a client that fails harms nobody."""
    learned: List[str] = []

    class Client:
        def learn(self, event: Any) -> None:
            learned.append(event.id)
            raise LookupError

        def confirm_create(self, token: str, body: Any) -> bool:
            raise LookupError

    gate = asyncio.Event()
    receiver = WebhookReceiver(SECRET, concurrency=1)
    receiver.attach(Client())
    receiver.on("*")(lambda _: gate.wait())
    for name in ("evt_1", "evt_2"):
        body = make_body(name)
        assert (await receiver.receive(body, sign_webhook(body, SECRET), "token")).status == 200

    assert learned == ["evt_1", "evt_2"]
    gate.set()
    await receiver.aclose()


@pytest.mark.parametrize(
    "wrong",
    [
        {"concurrency": 0},
        {"concurrency": 1.5},
        {"max_waiting": -1},
        {"max_body": 0},
        {"body_timeout": 0},
        {"body_timeout": float("nan")},
        {"store_timeout": "4"},
    ],
)
def test_impossible_limits_are_refused(wrong: Any) -> None:
    """The error names the argument."""
    with pytest.raises(errors.InvalidArgumentError) as caught:
        WebhookReceiver(SECRET, **wrong)
    assert caught.value.field in wrong
