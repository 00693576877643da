"""A real Redis for the tests, in a temporary folder, without a disk."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import suppress
from typing import Optional

from tests.postgres import find_free_port


def find_problem() -> str:
    """Return why there is no Redis for the tests; empty text if there is one."""
    try:
        import redis  # noqa: F401
    except ImportError:
        return "the package redis is not installed"
    return "" if shutil.which("redis-server") else "Redis is not installed (Debian: redis-server)"


class RedisServer:
    """A Redis server."""

    def __init__(self) -> None:
        self.port = find_free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._folder = tempfile.mkdtemp(prefix="bluma-redis-")
        self._process: Optional[subprocess.Popen[bytes]] = None

    def start(self) -> None:
        """Start the server, and wait until it accepts connections."""
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", self._folder]
        self._process = subprocess.Popen(["redis-server", *options], stdout=subprocess.DEVNULL)
        ends = time.monotonic() + 10
        while time.monotonic() < ends:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return
            time.sleep(0.05)
        raise RuntimeError("Redis did not start")

    def flush(self) -> None:
        """Delete everything, as FLUSHALL does."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
            connection.sendall(b"FLUSHALL\r\n")
            connection.recv(64)

    def close(self) -> None:
        """Stop the server."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)
