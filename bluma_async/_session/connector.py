"""
Decide which connections of the pool may carry a request.

Rule 1: a connection that has unread bytes is not used. They would be taken for the answer.
Rule 2: a connection that was idle for more than `MAX_IDLE` carries no changes, paid or not: its server may be closing
it at the same moment, and the outcome of a create would be uncertain.
Rule 3: what still slips through, because it arrives later, is caught when the answer is read: a create does not accept
a known id, or another template.
"""

from __future__ import annotations

import select
from functools import partial
from typing import Any, Callable
from weakref import WeakKeyDictionary

import aiohttp
import attrs

__all__ = ["Connector", "set_read_size"]

MAX_IDLE = 1.0  # seconds; of common servers, gunicorn closes idle connections first, after 2
CHUNK = 2**16


class Connector(aiohttp.TCPConnector):
    """
    A connector that checks the connections of its pool, and whose connections read 64 KiB at a time.

    asyncio reads 256 KiB at a time. malloc gets a buffer of that size from the system and returns it for every answer,
    which is a sixth of the cost of a request.
    """

    def __init__(self, now: Callable[[], float], **options: Any) -> None:
        super().__init__(**options)
        self._now = now
        self._pooled: WeakKeyDictionary[Any, _Pooled] = WeakKeyDictionary()  # by protocol

    async def connect(self, req: Any, traces: Any, timeout: Any) -> Any:
        """Return a new connection, or one of the pool on which nothing has arrived; `req` is aiohttp's request."""
        while True:
            connection: Any = await super().connect(req, traces, timeout)
            protocol = connection.protocol
            pooled = self._pooled.get(protocol)
            if pooled is None:  # it is new
                pooled = self._pooled[protocol] = _Pooled(connection.transport)
                set_read_size(connection, CHUNK)
                break
            if not protocol.should_close and pooled.may_carry(req.method, self._now):
                break
            connection.close()
        connection.add_callback(lambda: pooled.release(self._now()))
        return connection


@attrs.define(eq=False)
class _Pooled:
    """A connection that has carried a request."""

    _transport: Any
    _released: float = 0.0
    _readable: Callable[[], object] | None = None

    def release(self, now: float) -> None:
        """Note that it has become idle."""
        self._released = now

    def may_carry(self, method: str, now: Callable[[], float]) -> bool:
        """Return whether it may carry a request with this HTTP method."""
        if method != "GET" and now() - self._released > MAX_IDLE:
            return False
        if self._readable is None:
            self._readable = _make_check(self._transport)
        return not self._readable()


def set_read_size(connection: Any, size: int) -> None:
    """Set how many bytes a connection reads at a time."""
    transport: Any = getattr(connection, "transport", None)
    if hasattr(transport, "max_size"):  # only asyncio's own transport without TLS has it
        transport.max_size = size


def _make_check(transport: Any) -> Callable[[], object]:
    """Return a function whose result is true if bytes, or the end, have arrived that the loop has not read yet."""
    sock = transport.get_extra_info("socket")
    if sock is None:
        return lambda: False
    if not hasattr(select, "poll"):  # Windows
        return lambda: select.select([sock], [], [], 0)[0]
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return partial(poll.poll, 0)
