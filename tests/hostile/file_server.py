"""
A server on loopback that writes raw bytes to its sockets: an API that describes one video, and a hostile host of it.

The API part answers well. What the host of the file sends is a script: a function that gets an Exchange and writes.
"""

from __future__ import annotations

import asyncio
import json
import re
from contextlib import asynccontextmanager
from typing import Any, AsyncIterator, Awaitable, Callable, List, Optional

import attrs

from bluma_async import AsyncBluma
from tests.servers import reply, serving
from tests.transfer.boxes import make_mp4

CONTENT = make_mp4(bytes(range(256)) * 400)
TAG = '"1"'
VIDEO_ID = "batch_1"


@attrs.define
class Exchange:
    """One request to the host of the file, and the socket to answer on. `number` counts the requests from 0."""

    number: int
    head: bytes
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    @property
    def begin(self) -> int:
        """The first byte that is asked for."""
        found = re.search(rb"Range: bytes=(\d+)-", self.head)
        return int(found[1]) if found else 0

    async def send(self, data: bytes) -> None:
        """Write bytes to the socket."""
        self.writer.write(data)
        await self.writer.drain()

    async def send_head(self, status: int = 200, **headers: Any) -> None:
        """Write the head of an answer; underscores in the names stand for hyphens."""
        lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        await self.send("\r\n".join([f"HTTP/1.1 {status} X", *lines, "", ""]).encode())

    async def send_rest(self, content: bytes = CONTENT, tag: str = TAG, until: Optional[int] = None) -> None:
        """Answer like an honest host; `until` cuts the connection behind this byte of the file."""
        begin = self.begin
        headers = {"Content_Length": len(content) - begin, "ETag": tag, "Content_Type": "video/mp4"}
        if begin:
            headers["Content_Range"] = f"bytes {begin}-{len(content) - 1}/{len(content)}"
        await self.send_head(206 if begin else 200, **headers)
        await self.send(content[begin:until])
        if until is not None:
            self.close()

    def close(self) -> None:
        """Cut the connection."""
        self.writer.close()
        raise ConnectionAbortedError


Script = Callable[[Exchange], Awaitable[None]]


@attrs.define
class Hostile:
    """The server as tests see it: its base URL, and the requests so far, as method and path."""

    base_url: str
    heads: List[bytes]

    @property
    def requests(self) -> List[str]:
        return [" ".join(head.decode().split(" ")[:2]) for head in self.heads]

    @property
    def fetches(self) -> int:
        """How many requests the host of the file got."""
        return sum(" /file" in request for request in self.requests)


@asynccontextmanager
async def hosting(script: Script, *, size: Optional[int] = len(CONTENT)) -> AsyncIterator[Hostile]:
    """Run a server whose API describes a completed video of this size, and whose file comes from the script."""
    count = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: bytes) -> None:
        nonlocal count
        if b" /file" in head:
            count += 1
            await script(Exchange(count - 1, head, reader, writer))
            return
        await _skip_body(reader, head)
        writer.write(reply(json.dumps(_describe(head, base_url, size)).encode()))
        await writer.drain()

    async with serving(serve) as (base_url, heads):
        yield Hostile(base_url, heads)


def _describe(head: bytes, base_url: str, size: Optional[int]) -> Any:
    link = f"{base_url}/file?signature=SECRET"
    if b"/download " in head:
        return {"download_url": link}
    if b"/assets" in head:
        return {"asset_id": "asset_1", "id": "asset_1", "name": "x.jpg", "upload_url": link, "expires_in": 60}
    created = "2025-11-03T10:30:00Z"
    return {"id": VIDEO_ID, "status": "completed", "template_id": "t", "created_at": created, "size_bytes": size}


async def _skip_body(reader: asyncio.StreamReader, head: bytes) -> None:
    found = re.search(rb"Content-Length: (\d+)", head)
    await reader.readexactly(int(found[1]) if found else 0)


def client_of(hostile: Hostile, **options: Any) -> AsyncBluma:
    """Return a client of the server that pauses no time before a retry."""
    return AsyncBluma(
        "bluma_test_key", base_url=hostile.base_url, trust_env=False, **{"retry_delay": 0.0, "timeout": 5.0, **options}
    )
