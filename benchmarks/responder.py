"""
The server of the benchmarks, in a process of its own: it answers every request with the same completed video, and
every create with a new id.

It does almost nothing else, so that the figures show the client's cost and not the server's.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from contextlib import AbstractContextManager, contextmanager
from typing import Iterator

BODY = (
    b'{"id":"batch_abc123xyz","status":"completed","progress":100,"template_id":"consumerclub-discord-zoomed",'
    b'"url":"https://cdn.getbluma.com/videos/batch_abc123xyz.mp4",'
    b'"thumbnail_url":"https://cdn.getbluma.com/thumbnails/batch_abc123xyz.jpg","duration":45,"size_bytes":8453120,'
    b'"created_at":"2025-11-03T10:30:00Z","completed_at":"2025-11-03T10:31:45Z"}'
)
HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nDate: Mon, 03 Nov 2025 10:32:00 GMT\r\n"
    b"X-RateLimit-Limit: 1000\r\nX-RateLimit-Remaining: 987\r\nX-RateLimit-Reset: 1762169400\r\n"
    b"Content-Length: %d\r\n\r\n" % len(BODY)
)


CREATE = b"POST /api/v1/videos "  # a request may begin with the body of the one before it
NEW_ID = b"batch_%09x"  # as long as the id in BODY


class Responder(asyncio.Protocol):
    created = 0  # by all connections: a client takes an answer with a known id for that of another request

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._pending = b""

    def data_received(self, data: bytes) -> None:
        *requests, self._pending = (self._pending + data).split(b"\r\n\r\n")
        self._transport.write(b"".join(map(self._answer, requests)))

    def _answer(self, request: bytes) -> bytes:
        if CREATE not in request:
            return HEAD + BODY
        Responder.created += 1
        return HEAD + BODY.replace(b"batch_abc123xyz", NEW_ID % Responder.created, 1)


async def serve() -> None:
    server = await asyncio.get_running_loop().create_server(Responder, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(
        None, sys.stdin.read
    )  # until the parent closes the pipe, also by its death
    server.close()


@contextmanager
def serving_process(module: str, *arguments: str) -> Iterator[str]:
    """Run the server of a module in a process, until its standard input ends; yield its base URL."""
    command = [sys.executable, "-m", module, *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}/api/v1"
    finally:
        process.stdin.close()
        process.wait()
        process.stdout.close()


def responding() -> AbstractContextManager[str]:
    """Run the responder; give its base URL."""
    return serving_process("benchmarks.responder")


if __name__ == "__main__":
    asyncio.run(serve())
