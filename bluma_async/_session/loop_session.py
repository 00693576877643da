"""The aiohttp session of one event loop: opened, or borrowed from the user; closed, or abandoned with its loop."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Callable

import aiohttp
import attrs

from bluma_async._runtime.sockets import abandon
from bluma_async._session.bodies import CODINGS
from bluma_async._session.connector import Connector
from bluma_async._session.exchanges import Exchanges
from bluma_async._session.response import SingleResponse
from bluma_async._wire.checks import invalid

if TYPE_CHECKING:
    import ssl

__all__ = ["LoopSession", "abandon_session", "borrow", "close", "connect"]


@attrs.define
class LoopSession:
    """The aiohttp session of one event loop; `gate` limits how many requests are sent at the same time."""

    session: aiohttp.ClientSession
    gate: asyncio.Semaphore
    is_ours: bool = True
    exchanges: Exchanges = attrs.field(factory=Exchanges)


def connect(
    limit: int,
    ssl_context: ssl.SSLContext | None,
    trace_configs: list[aiohttp.TraceConfig],
    now: Callable[[], float],
) -> LoopSession:
    """Open a session for the running event loop; `now` returns the seconds of a monotonic clock."""
    connector_options: dict[str, Any] = {"ssl": ssl_context} if ssl_context else {}
    session = aiohttp.ClientSession(
        connector=Connector(now, limit=0, **connector_options),  # unlimited: the gate is the limit
        cookie_jar=aiohttp.DummyCookieJar(),
        trace_configs=trace_configs,
        auto_decompress=False,  # aiohttp does not bound what a body grows to
        headers={"Accept-Encoding": CODINGS},
        response_class=SingleResponse,
    )
    return LoopSession(session, asyncio.Semaphore(limit))


def borrow(limit: int, session: aiohttp.ClientSession) -> LoopSession:
    """
    Use a session of the user's.

    Raises:
        InvalidArgumentError: It belongs to another event loop than the running one.
    """
    loop = session._loop  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # the public name warns
    if loop is not asyncio.get_running_loop():
        raise invalid(
            "http_session",
            "http_session belongs to another event loop than the one this call runs in. Make it in that loop; a "
            "blocking client has its own loop, and cannot use a session of another one.",
        )
    return LoopSession(session, asyncio.Semaphore(limit), is_ours=False)


async def close(held: LoopSession) -> None:
    """End the exchanges of a session, and close it unless it is the user's."""
    held.exchanges.end_all()
    if held.is_ours:
        await held.session.close()


def abandon_session(held: LoopSession) -> None:
    """Close the sockets of a session whose loop is gone, unless it is the user's."""
    if held.is_ours:
        abandon(held.session)
