"""Signed events, and posting them to programs of each kind."""

from __future__ import annotations

import asyncio
import json
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, Callable, Iterator, List
from wsgiref.util import request_uri

import anyio.to_thread
import pytest

from bluma import WebhookReceiver, asgi_app, verify_webhook, wsgi_app
from bluma.testing import AsyncEventPoster, EventPoster, make_event, sign_event
from bluma.types import CreditsEvent, UnknownEvent, VideoEvent, WebhookEventType
from bluma_testing import posting, threads

SECRET = "whsec_test"


@pytest.mark.parametrize("event_type", [str(member) for member in WebhookEventType])
def test_an_event_of_every_type_is_made_and_verified(event_type: str) -> None:
    """The signed body is an event of the same type, with a time and an id of its own."""
    event = make_event(event_type)
    signed = sign_event(event, SECRET)

    read = verify_webhook(signed.body, signed.headers["X-Bluma-Signature"], SECRET)

    assert read == event
    assert type(read) is (VideoEvent if event_type.startswith("video.") else CreditsEvent)
    assert read.created_at is not None
    assert signed.headers["X-Bluma-Event-Id"] == read.id != make_event(event_type).id


def test_an_unknown_type_is_an_unknown_event() -> None:
    """A new family of events of the server can be tested."""
    event = make_event("brand.created", name="x")

    assert isinstance(event, UnknownEvent)
    assert event.data == {"name": "x"}


def test_fields_of_the_data_come_first() -> None:
    """The other fields follow from them."""
    event = make_event("video.completed", id="batch_x")

    assert event.data.url == "https://cdn.example.com/videos/batch_x.mp4"


def test_data_beside_an_event_is_refused() -> None:
    """Fields beside a whole event are refused, because they would have no effect."""
    with pytest.raises(TypeError, match="type of an event"):
        sign_event(make_event("video.queued"), SECRET, id="x")


def test_the_secret_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """As it does for the program; without one, it is the sandbox's."""
    monkeypatch.setenv("BLUMA_WEBHOOK_SECRET", "whsec_environment")
    first = sign_event("video.queued")
    monkeypatch.delenv("BLUMA_WEBHOOK_SECRET")
    second = sign_event("video.queued")

    verify_webhook(first.body, first.headers["X-Bluma-Signature"], "whsec_environment")
    verify_webhook(second.body, second.headers["X-Bluma-Signature"], "whsec_sandbox")


def make_receiver(handled: List[str]) -> WebhookReceiver:
    """Return a receiver whose handler needs a moment."""
    receiver = WebhookReceiver(SECRET)

    @receiver.on("video.completed")
    async def handle(event: VideoEvent) -> None:
        await asyncio.sleep(0)
        handled.append(event.data.id)

    return receiver


def test_a_post_to_an_asgi_app_waits_for_its_handlers() -> None:
    """The answer and the handlers are known when `post` returns."""
    handled: List[str] = []
    poster = EventPoster(asgi_app(make_receiver(handled)), secret=SECRET)

    reply = poster.post("video.completed", id="batch_1")

    assert (reply.status, handled) == (200, ["batch_1"])
    assert reply.headers["content-length"] == str(len(reply.body))


async def test_an_async_post_runs_in_the_loop_of_the_test() -> None:
    """The handlers go on in this loop, where the test can wait for them."""
    handled: List[str] = []
    receiver = make_receiver(handled)

    reply = await AsyncEventPoster(asgi_app(receiver), secret=SECRET).post("video.completed", id="batch_1")
    await receiver.aclose()

    assert (reply.status, handled) == (200, ["batch_1"])


async def send_nothing(_scope: Any, _receive: Any, _send: Any) -> None:
    """An ASGI app that forgets to answer."""


def start_nothing(_environ: Any, _start_response: Any) -> List[bytes]:
    """Forget to answer, as a WSGI app."""
    return []


@pytest.mark.parametrize(
    ("app", "reason"),
    [(send_nothing, "ASGI app .*no http.response.start"), (start_nothing, "WSGI app .*start_response")],
)
async def test_an_app_that_does_not_answer(app: Any, reason: str) -> None:
    """The error says what is missing, with and without an event loop."""
    with pytest.raises(RuntimeError, match=reason):
        await AsyncEventPoster(app).post("video.completed")
    with pytest.raises(RuntimeError, match=reason):
        await asyncio.get_running_loop().run_in_executor(None, EventPoster(app).post, "video.completed")


def test_a_header_in_latin_1() -> None:
    """HTTP headers are bytes, and frameworks encode them so."""

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"X-Place", b"K\xf6ln")]})
        await send({"type": "http.response.body", "body": b"ok"})

    reply = EventPoster(app).post("video.completed")

    assert (reply.headers, reply.body) == ({"x-place": "K\xf6ln"}, b"ok")


def test_a_post_to_a_wsgi_app() -> None:
    """The signature and the body arrive as a server would pass them on."""
    receiver = WebhookReceiver(SECRET)
    handled = threading.Event()
    receiver.on("video.completed")(lambda _: handled.set())

    replies = [EventPoster(wsgi_app(receiver), secret=key).post("video.completed").status for key in (SECRET, "no")]

    assert replies == [200, 401]
    assert handled.wait(10)


async def test_an_async_post_to_a_wsgi_app() -> None:
    """The app runs in a thread, and does not block the event loop."""
    seen: List[str] = []

    def app(environ: Any, start_response: Any) -> List[bytes]:
        seen.append(f"{threading.current_thread() is threading.main_thread()} {request_uri(environ)}")
        start_response("204 No Content", [("X-Name", "value")])
        return []

    reply = await AsyncEventPoster(app, "/hooks?create=1").post("video.completed")

    assert (reply.status, reply.headers, reply.body) == (204, {"x-name": "value"}, b"")
    assert seen == ["False http://testserver/hooks?create=1"]


def check_no_answer(app: Any, reason: str, ends: threading.Event) -> None:
    """Check that a post to an app that hangs until `ends` fails, and that only daemon threads are left."""
    before = set(threading.enumerate())

    with pytest.raises(RuntimeError, match=f"The ASGI app has not answered the event: {reason}"):
        EventPoster(app).post("video.completed")

    left = set(threading.enumerate()) - before
    ends.set()
    assert left
    assert all(thread.daemon for thread in left)
    for thread in left:
        thread.join(10)


def end_limits(loop: asyncio.AbstractEventLoop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Move the clock of an event loop, which may be in another thread, behind all of its timers."""
    now = loop.time
    monkeypatch.setattr(loop, "time", lambda: now() + 1000)
    loop.call_soon_threadsafe(lambda: None)  # it looks at its timers


def test_an_app_that_waits_for_a_thread_keeps_no_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """The post ends at its limit, and a thread that the app has started in its own thread is a daemon thread."""
    ends = threading.Event()

    def wait(loop: asyncio.AbstractEventLoop) -> None:
        end_limits(loop, monkeypatch)
        ends.wait()

    async def app(*_: Any) -> None:
        await anyio.to_thread.run_sync(wait, asyncio.get_running_loop())

    check_no_answer(app, "its call has not ended within 10 s", ends)


def test_an_app_that_blocks_its_loop_keeps_no_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """The post ends without the loop, whose thread is a daemon thread."""
    for module, name in ((posting, "TIMEOUT"), (posting, "MARGIN"), (threads, "ENDING")):
        monkeypatch.setattr(module, name, 0.1)
    ends = threading.Event()

    async def app(*_: Any) -> None:
        ends.wait()

    check_no_answer(app, "it blocks its event loop", ends)


def test_a_task_that_does_not_end_leaves_the_reply(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tasks are awaited for a limited time, also if they ignore their cancellation."""
    monkeypatch.setattr(posting, "TIMEOUT", 0.1)
    monkeypatch.setattr(threads, "ENDING", 0.1)
    ends = threading.Event()
    tasks: List[Any] = []

    async def go_on() -> None:
        while not ends.is_set():
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(0.01)

    async def app(_: Any, __: Any, send: Any) -> None:
        tasks.append(asyncio.ensure_future(go_on()))
        await send({"type": "http.response.start", "status": 204, "headers": []})

    reply = EventPoster(app).post("video.completed")
    ends.set()

    assert reply.status == 204


async def test_a_post_that_is_cancelled_does_not_wait_for_its_app() -> None:
    """The app may wait for a server in the event loop of the test, which must not wait for the app."""
    begins, ends = threading.Event(), threading.Event()

    def app(_: Any, __: Any) -> List[bytes]:
        begins.set()
        ends.wait(10)
        ends.set()
        return []

    post = asyncio.ensure_future(AsyncEventPoster(app).post("video.completed"))
    assert await asyncio.get_running_loop().run_in_executor(None, begins.wait, 10)
    post.cancel()
    await asyncio.wait({post}, timeout=5)

    assert post.cancelled()
    assert not ends.is_set()
    ends.set()


class CleaningApp:
    """An ASGI app that does not answer, and whose cleanup takes a few steps of the event loop."""

    def __init__(self) -> None:
        self.on_call: Callable[[], Any] = lambda: None
        self.is_clean = False

    async def __call__(self, *_: Any) -> None:
        self.on_call()
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            for _ in range(5):
                await asyncio.sleep(0)
            self.is_clean = True


async def test_a_post_that_is_cancelled_awaits_the_cleanup_of_an_asgi_app() -> None:
    """The end of the event loop would cancel a cleanup that nobody awaits."""
    app = CleaningApp()
    post = asyncio.ensure_future(AsyncEventPoster(app).post("video.completed"))
    app.on_call = post.cancel

    await asyncio.wait({post})

    assert post.cancelled()
    assert app.is_clean


def test_a_post_that_is_late_awaits_the_cleanup_of_an_asgi_app(monkeypatch: pytest.MonkeyPatch) -> None:
    """The end of the event loop would cancel a cleanup that nobody awaits."""
    app = CleaningApp()
    app.on_call = lambda: end_limits(asyncio.get_running_loop(), monkeypatch)

    with pytest.raises(RuntimeError, match="has not ended within 10 s"):
        EventPoster(app).post("video.completed")

    assert app.is_clean


@pytest.fixture
def server() -> Iterator[Any]:
    """Give an HTTP server that answers 202 to a signed event, and 400 to others."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            try:
                verify_webhook(body, self.headers["X-Bluma-Signature"], SECRET)
            except ValueError:
                self.send_error(400)
                return
            self.send_response(202)
            self.end_headers()
            self.wfile.write(json.dumps({"path": self.path}).encode())

        def log_message(self, *_: Any) -> None:
            """Print nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as listening:
        thread = threading.Thread(target=listening.serve_forever, args=[0.01])
        thread.start()
        yield listening
        listening.shutdown()
        thread.join()


def test_a_post_to_a_url(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Through no proxy; an answer of 400 is an answer too."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    url = f"http://127.0.0.1:{server.server_port}/"

    good = EventPoster(url, "/hooks", secret=SECRET).post("video.completed")
    bad = EventPoster(url, "/hooks", secret="other").post("video.completed")

    assert (good.status, json.loads(good.body)) == (202, {"path": "/hooks"})
    assert bad.status == 400
