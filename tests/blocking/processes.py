"""Run users' programs in processes of their own, against a server that records which process uses which connection."""

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
if sys.version_info < (3, 9):  # its aiohttp does not wait for the end of TLS connections
    STRICT += ["-W", "ignore::ResourceWarning"]
Request = Tuple[int, str]  # the client's port, and the name of its process from the header X-Process


def environment(base_url: str, **more: str) -> Dict[str, str]:
    """Return the environment with which a program finds the project and the server."""
    settings = {"PYTHONPATH": str(ROOT), "BLUMA_API_KEY": "bluma_test_key", "BLUMA_BASE_URL": base_url}
    return {**os.environ, **settings, **more}


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
    """Wait for a program; return its exit code, its output and its error output."""
    try:
        out, err = process.communicate(timeout=15)
    finally:
        process.kill()
    return process.returncode, out, err


def run(code: str, base_url: str, **more: str) -> Tuple[int, str, str]:
    """Run a program; return its exit code, its output and its error output."""
    return finish(start(code, base_url, **more))


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # buffered: an answer is one packet
    server: Server

    def do_GET(self) -> None:
        process = self.headers.get("X-Process", "")
        self.server.requests.append((self.client_address[1], process))
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(TEMPLATES)))
        self.end_headers()
        self.wfile.write(TEMPLATES)

    def log_message(self, *_: Any) -> None:
        """Log nothing."""


class Server(ThreadingHTTPServer):
    """Answers every GET with one template, and records the connection and the process that sent it."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def __init__(self, context: Optional[ssl.SSLContext] = None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.requests: List[Request] = []
        if context is not None:
            self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def handle_error(self, *_: Any) -> None:
        """Log nothing: clients may close their connections at any moment."""

    def owners(self) -> Dict[int, Set[str]]:
        """Return the processes that used each connection, by its port."""
        found: Dict[int, Set[str]] = {}
        for port, process in self.requests:
            found.setdefault(port, set()).add(process)
        return found


@contextmanager
def serving(context: Optional[ssl.SSLContext] = None) -> Iterator[Server]:
    """Run a server in another thread."""
    server = Server(context)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
