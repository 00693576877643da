"""
A pooler in front of a PostgreSQL server, in transaction mode, as PgBouncer has it without prepared statements.

Each transaction gets a connection to the server that is free, in turn, with all that earlier transactions have left
there. Messages of NOTIFY are not passed on. It runs in a thread with an event loop of its own.
"""

from __future__ import annotations

import asyncio
import struct
import threading
from typing import Any, Callable, Coroutine, Dict, List, Tuple

REQUESTS_OF_ENCRYPTION = (80877103, 80877104)
CANCEL = 80877102
CONNECTION_ENDS = (asyncio.IncompleteReadError, ConnectionError)
Message = Tuple[bytes, bytes]


async def read(reader: asyncio.StreamReader) -> Message:
    """Return the kind of a message, and all its bytes."""
    head = await reader.readexactly(5)
    return head[:1], head + await reader.readexactly(struct.unpack("!I", head[1:])[0] - 4)


class Server:
    """A connection to the server."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.is_idle = True

    async def relay(self, client: asyncio.StreamWriter) -> bool:
        """Pass answers on until the server waits for more; return whether it waits for a COPY."""
        while True:
            kind, message = await read(self.reader)
            if kind != b"A":  # a NOTIFY
                client.write(message)
            if kind == b"Z":
                self.is_idle = message[5:6] == b"I"
                return False
            if kind == b"G":
                return True


class Pooler:
    """Gives each transaction of its clients a connection to a port of this machine."""

    def __init__(self, port: int, size: int = 3) -> None:
        self._target, self._size = port, size
        self._free: Dict[bytes, asyncio.Queue[Server]] = {}  # by user and database
        self._hello: Dict[bytes, bytes] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._tasks: List[asyncio.Task[Any]] = []
        self.port: int = self._run(self._listen())

    def close(self) -> None:
        """Close everything."""
        self._run(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _listen(self) -> int:
        self._listener = await asyncio.start_server(self._contain(self._serve), "127.0.0.1", 0)
        return int(self._listener.sockets[0].getsockname()[1])

    async def _end(self) -> None:
        self._listener.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for free in self._free.values():
            while not free.empty():
                free.get_nowait().writer.close()

    def _contain(self, serve: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., Coroutine[Any, Any, None]]:
        async def contained(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.ensure_future(serve(reader, writer))
            self._tasks.append(task)
            await asyncio.wait([task])
            writer.close()
            if not task.cancelled() and not isinstance(task.exception(), (*CONNECTION_ENDS, type(None))):
                raise task.exception()  # type: ignore[misc]  # it is one

        return contained

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        startup = await self._read_startup(reader, writer)
        if startup:
            free = await self._require_servers(startup)
            writer.write(self._hello[startup])
            while True:
                message = await read(reader)
                server = await free.get()
                try:
                    await self._pass_transaction(server, message, reader, writer)
                finally:
                    if server.is_idle:
                        free.put_nowait(server)
                    else:  # its client has left
                        server.writer.close()
                        free.put_nowait((await self._connect(startup))[0])

    async def _pass_transaction(
        self, server: Server, message: Message, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        server.is_idle, copies = False, False
        while True:
            kind, whole = message
            if kind == b"X":
                server.is_idle = True
                raise ConnectionError
            server.writer.write(whole)
            if kind in b"SQ" or (copies and kind in b"cf"):
                copies = await server.relay(writer)
                if server.is_idle:
                    return
            message = await read(reader)

    async def _read_startup(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        while True:
            size = await reader.readexactly(4)
            body = await reader.readexactly(struct.unpack("!I", size)[0] - 4)
            code = struct.unpack("!I", body[:4])[0]
            if code not in REQUESTS_OF_ENCRYPTION:
                return b"" if code == CANCEL else size + body
            writer.write(b"N")

    async def _require_servers(self, startup: bytes) -> asyncio.Queue[Server]:
        if startup not in self._free:
            free = self._free[startup] = asyncio.Queue()
            for _ in range(self._size):
                server, self._hello[startup] = await self._connect(startup)
                free.put_nowait(server)
        while startup not in self._hello:
            await asyncio.sleep(0.01)
        return self._free[startup]

    async def _connect(self, startup: bytes) -> Tuple[Server, bytes]:
        server = Server(*await asyncio.open_connection("127.0.0.1", self._target))
        server.writer.write(startup)
        hello, kind = b"", b""
        while kind not in (b"Z", b"E"):
            kind, message = await read(server.reader)
            hello += message
        return server, hello
