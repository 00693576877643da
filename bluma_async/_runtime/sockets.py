"""
Close sockets without a word to anybody: their loop is gone, or the parent process still talks over them.

aiohttp and asyncio have no public way to do this; a change of theirs fails test_loops and test_fork.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import aiohttp

__all__ = ["abandon"]


def abandon(session: aiohttp.ClientSession) -> None:
    """Close a session's sockets, and have nothing complain of it later."""
    connector: Any = session.connector
    if connector is None:
        return
    session.detach()
    pooled = [protocol for group in connector._conns.values() for protocol, *_ in group]  # noqa: SLF001
    for protocol in [*pooled, *connector._acquired]:  # noqa: SLF001
        _close_socket(protocol.transport)
    connector._conns.clear()  # noqa: SLF001
    connector._acquired.clear()  # noqa: SLF001
    connector._closed = True  # noqa: SLF001 - what __del__ looks at


def _close_socket(transport: Any) -> None:
    inner = getattr(transport, "_ssl_protocol", None)
    plain = getattr(inner, "_transport", None) or transport
    sock = getattr(plain, "_sock", None)
    if sock is not None:
        sock.close()
        plain._sock = None  # noqa: SLF001 - as above
    if inner is not None:
        transport._closed = True  # noqa: SLF001 - as above
