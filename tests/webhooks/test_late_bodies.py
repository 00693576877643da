"""`body_timeout` bounds the reply of WSGI servers too, whose reads block until the sender sends."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple

import pytest

from bluma import WebhookReceiver, sign_webhook, wsgi_app
from bluma_sync.webhooks import body as bodies
from bluma_sync.webhooks.body import MOST_LATE
from tests.servers import make_authority
from tests.webhooks.events import SECRET, make_body
from tests.webhooks.servers import FRAMEWORKS
from tests.webhooks.test_frameworks import BLOCKING

ROOT = Path(__file__).resolve().parent.parent.parent
HEAD = b"POST /hook HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n"
TIMEOUT = 0.2  # seconds; the body_timeout of these tests
BOUND = 8.0  # seconds in which a loaded machine replies


class BlockedStream:
    """A body that never comes, until the gate is opened."""

    def __init__(self) -> None:
        self.gate = threading.Event()

    def read(self, size: int, /) -> bytes:
        """Block."""
        self.gate.wait(15)
        return b""


class TricklingStream(BlockedStream):
    """A body that comes byte by byte, faster than the timeout."""

    def read(self, size: int, /) -> bytes:
        """Return one byte after a moment."""
        self.gate.wait(TIMEOUT / 10)
        return b"" if self.gate.is_set() else b"x"


def call(receiver: WebhookReceiver, stream: Any, **environ: Any) -> Tuple[str, Dict[str, str], bytes]:
    """Call the WSGI app without a server, and return the status, the headers and the body."""
    replies: List[Tuple[str, Dict[str, str]]] = []
    request = {"REQUEST_METHOD": "POST", "CONTENT_LENGTH": "5000", "wsgi.input": stream, **environ}
    body = b"".join(wsgi_app(receiver)(request, lambda status, headers: replies.append((status, dict(headers)))))
    return (*replies[0], body)


@pytest.mark.parametrize("kind", [BlockedStream, TricklingStream])
def test_the_reply_does_not_wait_for_the_body(kind: Any) -> None:
    """A read that blocks, and reads that return a byte now and then, end in a 408 at the timeout."""
    stream = kind()
    began = time.monotonic()

    status, _, _ = call(WebhookReceiver(SECRET, body_timeout=TIMEOUT), stream)

    stream.gate.set()
    assert status == "408 Request Timeout"
    assert TIMEOUT <= time.monotonic() - began < BOUND


def test_a_stream_that_fails_is_an_incomplete_body() -> None:
    """The error of the connection is raised in another thread, and still leads to a reply."""

    class Failing:
        def read(self, size: int, /) -> bytes:
            raise ConnectionResetError

    assert call(WebhookReceiver(SECRET), Failing())[0] == "400 Bad Request"


def test_the_threads_of_late_bodies_have_a_limit() -> None:
    """Beyond it, no body is read: the reply is a 503 at once. When the senders have gone, bodies are read again."""
    receiver = WebhookReceiver(SECRET, body_timeout=0.001)
    stream = BlockedStream()
    statuses = [call(receiver, stream)[0] for _ in range(MOST_LATE)]

    status, headers, _ = call(receiver, stream)
    stream.gate.set()
    for thread in list(bodies._late):
        thread.join(10)
    receiver.body_timeout = 5.0
    again, _, _ = call(receiver, BlockedStreamOf(make_body()), HTTP_X_BLUMA_SIGNATURE=sign_webhook(make_body(), SECRET))

    assert set(statuses) == {"408 Request Timeout"}
    assert (status, headers["Retry-After"]) == ("503 Service Unavailable", "30")
    assert again == "200 OK"


class BlockedStreamOf:
    """A body that is there."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def read(self, size: int, /) -> bytes:
        """Return the rest, at most `size` bytes of it."""
        head, self._content = self._content[:size], self._content[size:]
        return head


@pytest.mark.parametrize("framework", BLOCKING)
def test_a_late_sender_holds_neither_the_reply_nor_the_server(framework: str) -> None:
    """A sender that stays connected gets its 408, and the only thread of the server serves the next request."""
    receiver = WebhookReceiver(SECRET, body_timeout=TIMEOUT)
    with FRAMEWORKS[framework](receiver) as port, connect(port) as late:
        began = time.monotonic()
        late.sendall(HEAD + b"x")
        reply = late.recv(1000)
        assert time.monotonic() - began < BOUND

        assert b" 408 " in reply.splitlines()[0]
        assert post(port) == 200


def connect(port: int) -> socket.socket:
    """Open a connection to a server on this machine."""
    return socket.create_connection(("127.0.0.1", port), timeout=BOUND)


def post(port: int) -> int:
    """Send an event, and return the status of the reply."""
    body = make_body()
    with connect(port) as sender:
        head = f"POST /hook HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\nConnection: close\r\n"
        sender.sendall(f"{head}X-Bluma-Signature: {sign_webhook(body, SECRET)}\r\n\r\n".encode() + body)
        return int(sender.recv(1000).split(b" ")[1])


def test_a_late_sender_over_tls_does_not_hold_the_server() -> None:
    """Where the server itself ends the encryption, the connection ends at the timeout, and may have no reply."""
    authority = make_authority()
    server_side, client_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.issue_cert("localhost").configure_cert(server_side)
    authority.configure_trust(client_side)
    ours, theirs = socket.socketpair()
    outcomes: List[Any] = []

    def serve() -> None:
        with server_side.wrap_socket(theirs, server_side=True) as connection, connection.makefile("rb") as stream:
            receiver = WebhookReceiver(SECRET, body_timeout=TIMEOUT)
            outcomes.append(call(receiver, stream))
            with contextlib.suppress(OSError):
                connection.sendall(b"HTTP/1.1 408 Request Timeout\r\n\r\n")

    thread = threading.Thread(target=serve)
    thread.start()
    with client_side.wrap_socket(ours, server_hostname="localhost") as sender, contextlib.suppress(OSError):
        sender.recv(100)
    thread.join(BOUND)

    assert not thread.is_alive()
    assert outcomes[0][0] == "408 Request Timeout"


@pytest.fixture(params=["sync", "gthread"])
def gunicorn(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[int]:
    """Serve the WSGI app with gunicorn, one worker of each class, and give the port."""
    code = "from bluma import WebhookReceiver, wsgi_app\n"
    code += f"app = wsgi_app(WebhookReceiver({SECRET!r}, body_timeout={TIMEOUT}))\n"
    (tmp_path / "wsgi.py").write_text(code)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        arguments = ["-k", str(request.param), "-b", f"fd://{listener.fileno()}", "--no-control-socket", "wsgi:app"]
        process = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", *gunicorn_options(arguments)],
            pass_fds=[listener.fileno()],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(tmp_path)])},
            stderr=subprocess.DEVNULL,
        )
        try:
            yield int(listener.getsockname()[1])
        finally:
            process.terminate()
            process.wait()


def gunicorn_options(arguments: List[str]) -> List[str]:
    """Leave out what this version of gunicorn does not know."""
    from gunicorn.config import KNOWN_SETTINGS

    known = {flag for setting in KNOWN_SETTINGS for flag in setting.cli or []}
    return [each for each in arguments if not each.startswith("--") or each in known]


@pytest.mark.skipif(sys.platform == "win32", reason="gunicorn needs fork")
def test_a_late_sender_holds_no_worker_of_gunicorn(gunicorn: int) -> None:
    """The reply comes at the timeout, and the worker serves the next request while the late sender is connected."""
    assert post(gunicorn) == 200  # it has started
    with connect(gunicorn) as late:
        late.sendall(HEAD + b"x")
        reply = late.recv(1000)

        assert b" 408 " in reply.splitlines()[0]
        assert post(gunicorn) == 200


def test_sockets_are_found_where_servers_keep_them() -> None:
    """By the names of gunicorn and werkzeug, or below the input stream; other servers do not show theirs."""
    with contextlib.ExitStack() as stack:
        ours, theirs = (stack.enter_context(each) for each in socket.socketpair())
        stream = stack.enter_context(theirs.makefile("rb"))
        wrapped = type("Wrapper", (), {"rfile": stream})()

        assert bodies._find_socket({"gunicorn.socket": ours, "wsgi.input": stream}) is ours
        assert bodies._find_socket({"werkzeug.socket": ours}) is ours
        assert bodies._find_socket({"wsgi.input": stream}) is theirs
        assert bodies._find_socket({"wsgi.input": wrapped}) is theirs
        assert bodies._find_socket({"wsgi.input": BlockedStream()}) is None
        assert bodies._find_socket({}) is None
