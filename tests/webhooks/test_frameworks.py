"""Every web framework passes the same suite: the right reply to any request, and no handler run for an invalid one."""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from typing import Any, Iterator, List, Optional, Tuple

import pytest

from bluma import WebhookReceiver, asgi_app, sign_webhook
from tests.webhooks.events import SECRET, make_body
from tests.webhooks.servers import FRAMEWORKS, PATHS

BLOCKING = ("wsgi", "flask", "django")


class Endpoint:
    """A receiver behind a socket, and the ids of the events that were handled."""

    def __init__(self, receiver: WebhookReceiver) -> None:
        self.port = 0
        self.path = "/hook"
        self.receiver = receiver
        self.handled: List[str] = []
        self._handled_count = threading.Semaphore(0)
        receiver.on("video.completed")(self._handle)

    def _handle(self, event: Any) -> None:
        self.handled.append(event.id)
        self._handled_count.release()

    def wait_handled(self) -> bool:
        """Wait for the next event to be handled."""
        return self._handled_count.acquire(timeout=10)

    def post(self, body: bytes, signature: Optional[str] = None, method: str = "POST", **how: Any) -> Tuple[int, str]:
        """Send a request and return the reply's status and text. An empty signature sends no signature header."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        headers = {"Content-Type": "application/json"}
        if signature != "":
            headers["X-Bluma-Signature"] = signature or sign_webhook(body or b"x", SECRET)
        try:
            # The server may reply, and close, before the whole body is sent.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                connection.request(method, self.path + how.pop("tail", ""), how.pop("content", body), headers, **how)
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()


@contextmanager
def serve(framework: str, **options: Any) -> Iterator[Endpoint]:
    """Serve a receiver with a framework."""
    receiver = WebhookReceiver(SECRET, **options)
    endpoint = Endpoint(receiver)
    endpoint.path = PATHS.get(framework, "/hook")
    with FRAMEWORKS[framework](receiver) as endpoint.port:
        yield endpoint


@pytest.fixture(params=FRAMEWORKS)
def framework(request: pytest.FixtureRequest) -> str:
    """Give the name of each framework."""
    return str(request.param)


def test_a_genuine_event_is_handled_once(framework: str) -> None:
    """An event gets a 200 and is handled in the background; its replay gets a 200 too, and is not handled again."""
    with serve(framework) as endpoint:
        replies = [endpoint.post(make_body(name)) for name in ("evt_1", "evt_1", "evt_2")]

        assert [status for status, _ in replies] == [200, 200, 200]
        assert endpoint.wait_handled()
        assert endpoint.wait_handled()
        assert sorted(endpoint.handled) == ["evt_1", "evt_2"]


def test_requests_that_are_not_genuine_are_refused(framework: str) -> None:
    """A missing, wrong or non-ASCII signature gets a 401; a signed body that is not an event gets a 400."""
    with serve(framework) as endpoint:
        signature = sign_webhook(make_body(), SECRET)
        statuses = [
            endpoint.post(make_body(), "")[0],
            endpoint.post(make_body(), sign_webhook(make_body(), "whsec_other"))[0],
            endpoint.post(make_body() + b" ", signature)[0],
            endpoint.post(make_body(), "sha256=é")[0],
            endpoint.post(b"", signature)[0],
            endpoint.post(b"[]")[0],
            endpoint.post(b"\xff\xfe")[0],
            endpoint.post(b"{" * 50_000)[0],
        ]

        assert statuses == [401, 401, 401, 401, 401, 400, 400, 400]
        assert endpoint.post(make_body())[0] == 200
        assert endpoint.wait_handled()
        assert endpoint.handled == ["evt_1"]


class Client:
    """Stands for a client with one open create, whose token is `secret-1`."""

    def __init__(self) -> None:
        self.confirmed: List[Tuple[str, bytes]] = []

    def learn(self, event: Any) -> None:
        """Use an event."""

    def confirm_create(self, token: str, body: Any) -> bool:
        """Record a callback, and return whether its token is valid."""
        self.confirmed.append((token, bytes(body)))
        return token == "secret-1"


def test_callbacks_with_the_token_of_a_create_are_passed_on(framework: str) -> None:
    """A valid token makes an unsigned callback a 200, without handlers; any other query changes nothing."""
    client = Client()
    with serve(framework) as endpoint:
        endpoint.receiver.attach(client)
        queries = ["?x=1&create=secret-1", "?create=forged", "?creates=secret-1", "?create=", "?%ff=%FF&create"]
        statuses = [endpoint.post(make_body(), "", tail=query)[0] for query in queries]
        signed = endpoint.post(make_body("evt_2"), tail="?create=secret-1")[0]

        assert statuses == [200, 401, 401, 401, 401]
        assert signed == 200
        assert endpoint.wait_handled()
        assert endpoint.handled == ["evt_2"]
    assert client.confirmed == [
        ("secret-1", make_body()),
        ("forged", make_body()),
        ("secret-1", make_body("evt_2")),
    ]


@pytest.mark.parametrize("hours", [-3, 3])
def test_events_older_or_newer_than_max_age_are_refused(framework: str, hours: int) -> None:
    """With max_age, an event whose created_at is too old, in the future or missing gets a 400."""
    moment = datetime.now(timezone.utc) + timedelta(hours=hours)
    with serve(framework, max_age=7200) as endpoint:
        distant = endpoint.post(make_body(created_at=moment.isoformat()))
        undated = endpoint.post(make_body())
        current = endpoint.post(make_body(created_at=datetime.now(timezone.utc).isoformat()))

        assert [distant[0], undated[0], current[0]] == [400, 400, 200]
        assert endpoint.wait_handled()


def test_only_post_is_accepted(framework: str) -> None:
    """Other methods get a 405, from the receiver or from the framework."""
    with serve(framework) as endpoint:
        for method in ("GET", "PUT"):
            assert endpoint.post(make_body(), method=method)[0] == 405


def test_a_body_above_max_body_is_refused(framework: str) -> None:
    """A body that is too large gets a 413, with a Content-Length or in chunks."""
    with serve(framework, max_body=1000) as endpoint:
        too_large = endpoint.post(b"x" * 5000)[0]
        fits = endpoint.post(make_body(padding="x" * 600))[0]

        assert (too_large, fits) == (413, 200)
        if framework not in BLOCKING:
            chunks = (b"x" * 700 for _ in range(3))
            assert endpoint.post(b"", content=chunks, encode_chunked=True)[0] == 413


def test_a_body_in_chunks(framework: str) -> None:
    """A chunked body is read; a WSGI server that does not decode it makes the receiver reply 411."""
    body = make_body()
    with serve(framework) as endpoint:
        chunks = iter([body[:10], body[10:]])
        status, _ = endpoint.post(body, sign_webhook(body, SECRET), content=chunks, encode_chunked=True)

        assert status == (411 if framework in BLOCKING else 200)


def test_a_slow_sender_gets_a_timeout(framework: str) -> None:
    """A body that takes longer than body_timeout gets a 408, and the next request is served."""
    with serve(framework, body_timeout=0.02) as endpoint:
        with socket.create_connection(("127.0.0.1", endpoint.port), timeout=10) as slow:
            slow.sendall(f"POST {endpoint.path} HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n".encode())
            reply = slow.recv(1000)
        endpoint.receiver.body_timeout = 5.0

        assert b" 408 " in reply.splitlines()[0] + b" "
        assert endpoint.post(make_body())[0] == 200
        assert endpoint.wait_handled()


@pytest.mark.parametrize("begin", ["Content-Length: 100\r\n\r\nx", "Transfer-Encoding: chunked\r\n\r\n5\r\nab"])
def test_a_sender_that_disconnects_harms_nobody(framework: str, begin: str, caplog: pytest.LogCaptureFixture) -> None:
    """A connection that is closed within a body raises nothing into the server, and the next request is served."""
    with serve(framework) as endpoint:
        with socket.create_connection(("127.0.0.1", endpoint.port), timeout=10) as closed:
            closed.sendall(f"POST {endpoint.path} HTTP/1.1\r\nHost: x\r\n{begin}".encode())

        assert endpoint.post(make_body())[0] == 200
        assert endpoint.wait_handled()
    assert find_tracebacks(caplog) == []


def test_a_body_that_cannot_be_decoded_is_refused(framework: str, caplog: pytest.LogCaptureFixture) -> None:
    """Aiohttp decodes bodies and gets a 400; the others leave them as they are, so the signature is wrong."""
    head = "POST {} HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nabcde"
    with serve(framework) as endpoint:
        with socket.create_connection(("127.0.0.1", endpoint.port), timeout=10) as sender:
            sender.sendall(head.format(endpoint.path).encode())
            status = sender.recv(1000).split(b" ")[1]

        assert status == (b"400" if framework == "aiohttp" else b"401")
        assert endpoint.post(make_body())[0] == 200
        assert endpoint.wait_handled()
    assert find_tracebacks(caplog) == []


def find_tracebacks(caplog: pytest.LogCaptureFixture) -> List[str]:
    """Return what servers have logged with an exception."""
    return [record.getMessage() for record in caplog.records if record.exc_info]


LENGTHS = ["\u00b2", "-1", "1.5", "+5", "0x10", "1e3", "five", "9" * 5000]


def test_an_impossible_content_length_is_refused(framework: str) -> None:
    """It gets a 400, or a 413 if it is a number that is too long for Python; nothing fails, and nothing is read."""
    with serve(framework) as endpoint:
        for length in LENGTHS:
            with socket.create_connection(("127.0.0.1", endpoint.port), timeout=10) as sender:
                head = f"POST {endpoint.path} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n"
                sender.sendall(head.encode("latin-1") + b"hello")
                status = sender.recv(1000).split(b" ")[1]
            assert status in ({b"400", b"413"} if length.isdecimal() else {b"400"}), length

        assert endpoint.post(make_body())[0] == 200
        assert endpoint.wait_handled()


@pytest.mark.parametrize("framework", ["asgi", "starlette", "fastapi", "mount"])
def test_a_final_slash_changes_nothing(framework: str) -> None:
    """The sender follows no redirects, so both spellings of the URL must be answered."""
    with serve(framework) as endpoint:
        assert [endpoint.post(make_body(), tail=tail)[0] for tail in ("", "/")] == [200, 200]
        assert endpoint.wait_handled()


async def test_asgi_lifespan_and_websocket() -> None:
    """The lifespan protocol is answered; a WebSocket is refused."""
    sent: List[str] = []
    app = asgi_app(WebhookReceiver(SECRET))
    messages = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])

    async def receive() -> Any:
        return next(messages)

    async def send(message: Any) -> None:
        sent.append(message["type"])

    await app({"type": "lifespan"}, receive, send)
    await app({"type": "websocket"}, receive, send)

    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete", "websocket.close"]
