"""One suite for all frameworks: the right answer to whatever comes, and no handler run that should not."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import threading
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from typing import Any, Dict, Iterator, List, Optional, Tuple

import pytest

from bluma import WebhookReceiver, sign_webhook
from tests.webhooks.servers import FRAMEWORKS

SECRET = "whsec_test"
BLOCKING = ("wsgi", "flask", "django")


def body_of(event_id: str = "evt_1", **fields: Any) -> bytes:
    """Return the body of an event."""
    data = {"id": "batch_1", "status": "completed", "url": "https://cdn/x.mp4"}
    return json.dumps({"id": event_id, "type": "video.completed", "data": data, **fields}).encode()


class Endpoint:
    """A served receiver, and the ids of the events that were handled."""

    def __init__(self, receiver: WebhookReceiver) -> None:
        self.port = 0
        self.receiver = receiver
        self.handled: List[str] = []
        self._came = threading.Semaphore(0)
        receiver.on("video.completed")(self._handle)

    def _handle(self, event: Any) -> None:
        self.handled.append(event.id)
        self._came.release()

    def came(self) -> bool:
        """Wait for the next event to be handled."""
        return self._came.acquire(timeout=10)

    def post(self, body: bytes, signature: Optional[str] = None, method: str = "POST", **how: Any) -> Tuple[int, str]:
        """Send a request; return the answer's status and text."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        headers = {"Content-Type": "application/json"}
        if signature != "":
            headers["X-Bluma-Signature"] = signature or sign_webhook(body or b"x", SECRET)
        try:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # answered before the body was out
                connection.request(method, "/hook" + how.pop("tail", ""), how.pop("content", body), headers, **how)
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()


@contextmanager
def serving(framework: str, **options: Any) -> Iterator[Endpoint]:
    """Serve a receiver."""
    receiver = WebhookReceiver(SECRET, **options)
    endpoint = Endpoint(receiver)
    with FRAMEWORKS[framework](receiver) as endpoint.port:
        yield endpoint


@pytest.fixture(params=FRAMEWORKS)
def framework(request: pytest.FixtureRequest) -> str:
    """Give each framework's name."""
    return str(request.param)


def where(framework: str) -> Dict[str, str]:
    """Return how a mounted app is reached."""
    return {"tail": "/"} if framework in {"starlette", "fastapi"} else {}


def test_a_genuine_event_is_handled_once(framework: str) -> None:
    """200 at once, the handler in the background; a replay is answered alike, and not handled."""
    with serving(framework) as endpoint:
        answers = [endpoint.post(body_of(name), **where(framework)) for name in ("evt_1", "evt_1", "evt_2")]

        assert [status for status, _ in answers] == [200, 200, 200]
        assert endpoint.came()
        assert endpoint.came()
        assert sorted(endpoint.handled) == ["evt_1", "evt_2"]


def test_what_is_not_genuine_is_refused(framework: str) -> None:
    """No signature, a wrong one, one in odd letters: 401. A signed body that is no event: 400."""
    with serving(framework) as endpoint:
        how = where(framework)
        signed = sign_webhook(body_of(), SECRET)
        statuses = [
            endpoint.post(body_of(), "", **how)[0],
            endpoint.post(body_of(), sign_webhook(body_of(), "whsec_other"), **how)[0],
            endpoint.post(body_of() + b" ", signed, **how)[0],
            endpoint.post(body_of(), "sha256=é", **how)[0],
            endpoint.post(b"", signed, **how)[0],
            endpoint.post(b"[]", **how)[0],
            endpoint.post(b"\xff\xfe", **how)[0],
            endpoint.post(b"{" * 50_000, **how)[0],
        ]

        assert statuses == [401, 401, 401, 401, 401, 400, 400, 400]
        assert endpoint.post(body_of(), **how)[0] == 200
        assert endpoint.came()
        assert endpoint.handled == ["evt_1"]


@pytest.mark.parametrize("hours", [-3, 3])
def test_events_from_another_time_are_refused(framework: str, hours: int) -> None:
    """With max_age, those too old and those from the future; without created_at too."""
    moment = datetime.now(timezone.utc) + timedelta(hours=hours)
    with serving(framework, max_age=7200) as endpoint:
        how = where(framework)
        far = endpoint.post(body_of(created_at=moment.isoformat()), **how)
        never = endpoint.post(body_of(), **how)
        now = endpoint.post(body_of(created_at=datetime.now(timezone.utc).isoformat()), **how)

        assert [far[0], never[0], now[0]] == [400, 400, 200]
        assert endpoint.came()


def test_only_posts_are_taken(framework: str) -> None:
    """Anything else is answered with 405, or by the framework."""
    with serving(framework) as endpoint:
        for method in ("GET", "PUT"):
            assert endpoint.post(body_of(), method=method, **where(framework))[0] == 405


def test_bodies_that_are_too_large(framework: str) -> None:
    """413, whether the length is told or not; nothing is kept."""
    with serving(framework, max_body=1000) as endpoint:
        how = where(framework)
        told = endpoint.post(b"x" * 5000, **how)[0]
        fits = endpoint.post(body_of(padding="x" * 600), **how)[0]

        assert (told, fits) == (413, 200)
        if framework not in BLOCKING:
            pieces = (b"x" * 700 for _ in range(3))
            assert endpoint.post(b"", content=pieces, encode_chunked=True, **how)[0] == 413


def test_bodies_in_chunks(framework: str) -> None:
    """They are read; where the server does not hand them on, the answer says what is missing."""
    body = body_of()
    with serving(framework) as endpoint:
        pieces = iter([body[:10], body[10:]])
        status, _ = endpoint.post(
            body, sign_webhook(body, SECRET), content=pieces, encode_chunked=True, **where(framework)
        )

        assert status == (411 if framework in BLOCKING else 200)


def test_a_slow_sender(framework: str) -> None:
    """408 after body_timeout, and the next one is served. Reading that blocks is timed between two pieces."""
    with serving(framework, body_timeout=1e-9) as endpoint:
        tail = where(framework).get("tail", "")
        with socket.create_connection(("127.0.0.1", endpoint.port), timeout=10) as slow:
            slow.sendall(f"POST /hook{tail} HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n".encode())
            if framework in BLOCKING:
                slow.sendall(b"x" * 70_000)
            answer = slow.recv(1000)
        endpoint.receiver.body_timeout = 5.0

        assert b" 408 " in answer.splitlines()[0] + b" "
        assert endpoint.post(body_of(), **where(framework))[0] == 200
        assert endpoint.came()


def test_a_sender_who_hangs_up(framework: str) -> None:
    """Nothing crashes, and the next one is served."""
    with serving(framework) as endpoint:
        tail = where(framework).get("tail", "")
        with socket.create_connection(("127.0.0.1", endpoint.port), timeout=10) as gone:
            gone.sendall(f"POST /hook{tail} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nx".encode())

        assert endpoint.post(body_of(), **where(framework))[0] == 200
        assert endpoint.came()
