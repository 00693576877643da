"""Ctrl-C, with real signals, ends a call at once and cancels its request."""

from __future__ import annotations

import signal
import socket
import sys
import time
from pathlib import Path
from typing import Iterator

import pytest

from tests.blocking.processes import TEMPLATES, finish, start

CALLS = {
    "create": "client.videos.create({'prompt': 'Hello'}, 'ugc-text-overlay')",
    "wait_for": "client.videos.wait_for('batch_1')",
    "save": "client.videos.save('batch_1', PATH)",
}
PROGRAM = """
import os, signal, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
from bluma import Bluma
PATH = os.environ["TARGET"]
with Bluma() as client:
    try:
        {call}
    except KeyboardInterrupt:
        print(time.monotonic())
    print(client.templates.list()[0].id, os.listdir(os.path.dirname(PATH)))
"""
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no way to send Ctrl-C to one process")


class Peer:
    """The server's side of one connection."""

    def __init__(self, listener: socket.socket) -> None:
        self._socket, _ = listener.accept()
        self._socket.settimeout(10)

    def read_head(self) -> bytes:
        """Read the next request up to the end of its headers."""
        head = b""
        while b"\r\n\r\n" not in head:
            head += self._socket.recv(4096)
        return head

    def reply(self, body: bytes, length: int | None = None) -> None:
        """Answer with a body; if `length` is larger, its rest is missing."""
        count = len(body) if length is None else length
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % count
        self._socket.sendall(head + body)

    def wait_closed(self) -> bool:
        """Wait until the client closes the connection; its data is read and dropped."""
        try:
            while self._socket.recv(4096):
                pass
        except ConnectionResetError:
            pass
        self._socket.close()
        return True


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """Give a listening socket."""
    with socket.create_server(("127.0.0.1", 0)) as made:
        made.settimeout(10)
        yield made


def interrupt(listener: socket.socket, tmp_path: Path, call: str) -> tuple[float, str]:
    """Interrupt a program while the server is silent; return the seconds until it was back, and its later output."""
    process = start(PROGRAM.format(call=CALLS[call]), url(listener), TARGET=str(tmp_path / "video.mp4"))
    peer = Peer(listener)
    peer.read_head()
    if call == "save":
        peer.reply(b'{"download_url": "%s/file"}' % url(listener).encode())
        peer.read_head()  # over the same connection
        peer.reply(b"x" * 1000, length=10**6)
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    assert peer.wait_closed()
    after = Peer(listener)
    after.read_head()
    after.reply(TEMPLATES)
    code, out, err = finish(process)
    assert after.wait_closed()
    assert (code, err) == (0, "")
    ended, rest = out.split("\n", 1)
    return float(ended) - began, rest.strip()


def url(listener: socket.socket) -> str:
    """Return the base URL."""
    return f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.mark.parametrize("call", CALLS)
def test_ctrl_c_ends_the_call_at_once(listener: socket.socket, tmp_path: Path, call: str) -> None:
    """The call ends within 200 ms, its connection is closed, no file is left, and the client still works."""
    took, rest = interrupt(listener, tmp_path, call)

    assert took < 0.2
    assert rest == "t []"
