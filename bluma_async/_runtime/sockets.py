"""
Close sockets without sending anything: their loop is closed, or the parent process still uses the connections.

aiohttp and asyncio have no public API for this, so private attributes are used. If a new version renames one,
test_loops and test_fork fail.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import aiohttp

__all__ = ["abandon"]


def abandon(session: aiohttp.ClientSession) -> None:
    """Close the sockets of a session, and mark the session as closed, so that its `__del__` does not warn."""
    connector: Any = session.connector
    if connector is None:
        return
    session.detach()
    # aiohttp has no public way to close the sockets of a connector without its event loop.
    pooled = [protocol for group in connector._conns.values() for protocol, *_ in group]  # noqa: SLF001
    for protocol in [*pooled, *connector._acquired]:  # noqa: SLF001
        _close_socket(protocol.transport)
    connector._conns.clear()  # noqa: SLF001
    connector._acquired.clear()  # noqa: SLF001
    connector._closed = True  # noqa: SLF001 - read by its __del__


def _close_socket(transport: Any) -> None:
    inner = getattr(transport, "_ssl_protocol", None)
    plain = getattr(inner, "_transport", None) or transport
    sock = getattr(plain, "_sock", None)
    if sock is not None:
        sock.close()
        plain._sock = None  # noqa: SLF001 - read by its __del__
    if inner is not None:
        transport._closed = True  # noqa: SLF001 - read by its __del__
