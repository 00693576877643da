"""Servers on loopback that misbehave on purpose, and a client for them."""

from __future__ import annotations

import asyncio
import warnings
from contextlib import asynccontextmanager
from typing import Any, AsyncIterator, Awaitable, Callable, List, Tuple

from bluma_async import AsyncBluma

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter, bytes], Awaitable[None]]
OK = b'{"id": "batch_1", "status": "completed", "created_at": "2025-11-03T10:30:00Z"}'


def reply(body: bytes = OK, head: bytes = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n") -> bytes:
    """Return a whole HTTP answer."""
    return head + b"Content-Length: %d\r\n\r\n" % len(body) + body


def client_for(base_url: str, **options: Any) -> AsyncBluma:
    """Return a client that never retries."""
    return AsyncBluma("bluma_test_key", base_url=base_url, max_retries=0, **options)


@asynccontextmanager
async def serving(serve: Serve) -> AsyncIterator[Tuple[str, List[bytes]]]:
    """Run a server that passes the head of each request to `serve`; yield its base URL and the heads so far."""
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
    """Answer with a valid video."""
    writer.write(reply())
    await writer.drain()


def make_authority() -> Any:
    """Return a certificate authority of its own, of trustme."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its dependency warns about Python 3.8
        import trustme
    return trustme.CA()
