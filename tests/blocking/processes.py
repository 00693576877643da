"""Programs of users, in processes of their own, and a server that tells their connections apart."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Set, Tuple

ROOT = Path(__file__).resolve().parent.parent.parent
TEMPLATES = json.dumps({"templates": [{"id": "t", "name": "T"}], "total": 1}).encode()
STRICT = ["-W", "error"]
if sys.version_info < (3, 9):  # its aiohttp does not wait until TLS connections have said goodbye
    STRICT += ["-W", "ignore::ResourceWarning"]
Seen = Tuple[int, str]  # the connection's port, and who says to have sent the request


def environment(base_url: str, **more: str) -> Dict[str, str]:
    """Return what a program needs to find the project, and the server."""
    own = {"PYTHONPATH": str(ROOT), "BLUMA_API_KEY": "bluma_test_key", "BLUMA_BASE_URL": base_url}
    return {**os.environ, **own, **more}


def start(code: str, base_url: str, **more: str) -> subprocess.Popen[str]:
    """Start a program in which warnings are errors."""
    return subprocess.Popen(
        [sys.executable, *STRICT, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(base_url, **more),
    )


def finish(process: subprocess.Popen[str]) -> Tuple[int, str, str]:
    """Wait for a program; return its exit code and what it printed."""
    try:
        out, err = process.communicate(timeout=15)
    finally:
        process.kill()
    return process.returncode, out, err


def run(code: str, base_url: str, **more: str) -> Tuple[int, str, str]:
    """Run a program to its end."""
    return finish(start(code, base_url, **more))


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # one packet an answer
    server: Server

    def do_GET(self) -> None:
        who = self.headers.get("X-Who", "")
        self.server.seen.append((self.client_address[1], who))
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(TEMPLATES)))
        self.end_headers()
        self.wfile.write(TEMPLATES)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


class Server(ThreadingHTTPServer):
    """Answers every GET with one template, and notes from which connection it came, and from whom."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def __init__(self, context: Optional[ssl.SSLContext] = None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.seen: List[Seen] = []
        if context is not None:
            self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def handle_error(self, *_: Any) -> None:
        """Say nothing: clients end as they like."""

    def owners(self) -> Dict[int, Set[str]]:
        """Return who used each connection."""
        found: Dict[int, Set[str]] = {}
        for port, who in self.seen:
            found.setdefault(port, set()).add(who)
        return found


@contextmanager
def serving(context: Optional[ssl.SSLContext] = None) -> Iterator[Server]:
    """Run a server in a thread of its own."""
    server = Server(context)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
