"""A TCP server that answers each request with the bytes that a test gives it, valid HTTP or not."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from contextlib import suppress
from typing import Any, Awaitable, Callable, List, Set

import attrs
from typing_extensions import Self

__all__ = ["NEVER", "Exchange", "RawServer", "Script", "answer", "reply"]

NEVER = 3600.0  # seconds; longer than any test


@attrs.define
class Exchange:
    """
    One request, and the connection that it arrived on.

    Attributes:
        number: How many requests the server received before this one.
        connection: How many connections the server accepted before this one.
        place: How many requests arrived on this connection before this one.
        head: The request line and the headers.
        body: The body.
    """

    number: int
    connection: int
    place: int
    head: bytes
    body: bytes
    writer: asyncio.StreamWriter
    is_over: bool = False

    @property
    def line(self) -> str:
        """Method and path."""
        return self.head.split(b" HTTP/", 1)[0].decode()

    @property
    def api_key(self) -> str:
        """The key in its Authorization header."""
        return self.head.partition(b"Authorization: Bearer ")[2].partition(b"\r\n")[0].decode()

    async def send(self, data: bytes) -> None:
        """Send bytes."""
        self.writer.write(data)
        with suppress(ConnectionError):
            await self.writer.drain()

    async def sleep(self, seconds: float = NEVER) -> None:
        """Wait; a sleep ends at once when the server stops."""
        await asyncio.sleep(seconds)

    def close(self) -> None:
        """Close the connection."""
        self.is_over = True
        self.writer.close()

    def reset(self) -> None:
        """Close the connection with a RST packet."""
        self.is_over = True
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.close()


Script = Callable[[Exchange], Awaitable[None]]


class RawServer:
    """Runs a script for each request, in a thread and an event loop of its own."""

    def __init__(self, script: Script) -> None:
        self.exchanges: List[Exchange] = []
        self.connections = 0
        self._script = script
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="raw server")
        self._tasks: Set[asyncio.Task[Any]] = set()
        self._listener: Any = None

    @property
    def base_url(self) -> str:
        """The URL of the server."""
        return f"http://127.0.0.1:{self._listener.sockets[0].getsockname()[1]}"

    @property
    def lines(self) -> List[str]:
        """Method and path of each request so far."""
        return [exchange.line for exchange in self.exchanges]

    def __enter__(self) -> Self:
        self._thread.start()
        self._listener = self._run(asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=1000))
        return self

    def __exit__(self, *_: object) -> None:
        self._run(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def send(self, number: int, data: bytes) -> None:
        """Send bytes on the connection of an earlier request, whether or not it waits for an answer."""
        self._run(self.exchanges[number].send(data))

    def close(self, number: int) -> None:
        """Close the connection of an earlier request."""

        async def close() -> None:
            self.exchanges[number].close()
            await self.exchanges[number].writer.wait_closed()

        self._run(close())

    def _run(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _stop(self) -> None:
        self._listener.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        connection, self.connections = self.connections, self.connections + 1
        try:
            await self._answer_all(connection, reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _answer_all(self, connection: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        is_over, place = False, 0
        while not is_over:
            head = await reader.readuntil(b"\r\n\r\n")
            body = await _read_body(reader, head)
            exchange = Exchange(len(self.exchanges), connection, place, head, body, writer)
            self.exchanges.append(exchange)
            await self._script(exchange)
            is_over, place = exchange.is_over, place + 1


def reply(body: bytes, status: bytes = b"200 OK", *headers: bytes) -> bytes:
    """Return a whole and valid HTTP answer."""
    lines = [b"HTTP/1.1 " + status, b"Content-Type: application/json", b"Content-Length: %d" % len(body), *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def answer(data: bytes, then: str = "") -> Script:
    """Return a script that sends these bytes, and then may `close` or `reset` the connection, or stay `silent`."""

    async def script(exchange: Exchange) -> None:
        await exchange.send(data)
        if then == "silent":
            await exchange.sleep()
        elif then:
            getattr(exchange, then)()

    return script


async def _read_body(reader: asyncio.StreamReader, head: bytes) -> bytes:
    headers = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:-2])
    if headers.get(b"transfer-encoding") == b"chunked":
        return await _read_chunks(reader)
    return await reader.readexactly(int(headers.get(b"content-length", b"0")))


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while size := int(await reader.readline(), 16):
        body += await reader.readexactly(size)
        await reader.readline()
    await reader.readline()
    return body
