"""Servers that misbehave on purpose, on loopback."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import AsyncIterator, Awaitable, Callable, List, Tuple

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter, bytes], Awaitable[None]]
OK = b'{"id": "batch_1", "status": "completed", "created_at": "2025-11-03T10:30:00Z"}'


def reply(body: bytes = OK, head: bytes = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n") -> bytes:
    """Return a whole HTTP answer."""
    return head + b"Content-Length: %d\r\n\r\n" % len(body) + body


@asynccontextmanager
async def serving(serve: Serve) -> AsyncIterator[Tuple[str, List[bytes]]]:
    """Run a server that reads one request's head after the other and hands it on; give its base URL and the heads."""
    heads: List[bytes] = []
    tasks: List[asyncio.Task[None]] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.append(task)
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                heads.append(head)
                await serve(reader, writer, head)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            return
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}", heads
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def as_another_process(base_url: str) -> str:
    """Return the same URL in another spelling: a client of it shares no evidence, like one in another process."""
    return base_url.replace("127.0.0.1", "localhost")


async def well(_: asyncio.StreamReader, writer: asyncio.StreamWriter, __: bytes) -> None:
    """Answer as one should."""
    writer.write(reply())
    await writer.drain()
