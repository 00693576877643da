"""
A second port of a running sandbox, for a while.

A program may know one port only, and use several sandboxes in turn: each of them is served there for its time.
"""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Generator

from aiohttp import web

if TYPE_CHECKING:
    from bluma_async.sandbox.own_thread import OwnThread
    from bluma_async.sandbox.state import State

__all__ = ["SecondPort", "serve_second_port"]

PATIENCE = 1.0  # seconds for requests that run at the end


class SecondPort:
    """A port at which a sandbox is served beside its own one. The links in its answers name this port meanwhile."""

    def __init__(self, runner: web.AppRunner, state: State, host: str, port: int) -> None:
        self._runner = runner
        self._state = state
        self._site = web.TCPSite(runner, host, port, backlog=1024)
        self._port = port
        self._earlier = state.files.origin

    async def open(self) -> None:
        """
        Begin to serve.

        Raises:
            OSError: The port is taken.
        """
        await self._site.start()
        self._state.destinations.own_ports.add(self._port)
        self._state.files.origin = f"{self._earlier.rpartition(':')[0]}:{self._port}"

    async def close(self) -> None:
        """Stop serving. Connections are closed: a client that kept one would use it for the next sandbox too."""
        self._state.files.origin = self._earlier
        self._state.destinations.own_ports.discard(self._port)
        await self._site.stop()
        server: Any = self._runner.server
        connections = [each for each in server.connections if _find_port(each) == self._port]
        for connection in connections:
            connection.close()  # an idle one ends at once; `shutdown` would wait for a request first
        await asyncio.gather(*(each.shutdown(PATIENCE) for each in connections))


@contextmanager
def serve_second_port(second: SecondPort, thread: OwnThread) -> Generator[None, None, None]:
    """Serve at a second port until the end of the block, which is in another thread than the sandbox's."""
    thread.submit(second.open()).result()
    try:
        yield
    finally:
        thread.submit(second.close()).result()


def _find_port(connection: Any) -> int | None:
    """Return the port of the server at which a connection was accepted; None if it is closed."""
    if connection.transport is None:
        return None
    return int(connection.transport.get_extra_info("sockname")[1])
