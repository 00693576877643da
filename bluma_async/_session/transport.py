"""
One request in, one answer out: the only module that knows the aiohttp client.

Rule 1: connections belong to the event loop that made them.
Rule 2: whatever goes wrong is a NetworkError that tells whether the server may have acted on the request.
Rule 3: `timeout` bounds one exchange for real, however slowly the answer trickles in. Waiting for a free connection is
not part of it: ten thousand calls at once are a queue, not a slow server.
"""

from __future__ import annotations

import asyncio
import io
import math
from contextlib import AsyncExitStack, asynccontextmanager
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, AsyncGenerator, Awaitable, Sequence

import aiohttp
import anyio
import anyio.to_thread
import attrs
from yarl import URL

from bluma_async._runtime.loops import PerLoop
from bluma_async._runtime.proxies import Proxies
from bluma_async._runtime.sockets import abandon
from bluma_async._wire.checks import invalid
from bluma_async._wire.messages import Answer, Download
from bluma_async.errors import NetworkError, RequestTimeoutError

if TYPE_CHECKING:
    import ssl

    from bluma_async._wire.messages import Request

__all__ = ["AiohttpTransport"]

FAILURES = (aiohttp.ClientError, asyncio.TimeoutError, OSError)
NEVER_SENT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL)
NO_TYPE = ("Content-Type",)  # a signed link may have been signed without one
LARGE_BODY = 2**20  # aiohttp warns of larger bytes, and takes a reader instead
CHUNK = 2**16
DOWNLOAD_CHUNK = 2**18


class _Connector(aiohttp.TCPConnector):
    """
    Reads by the 64 KiB.

    asyncio asks for 256 KiB at a time, which malloc fetches from the system and returns for every answer: a sixth of
    what a request costs.
    """

    async def connect(self, *args: Any, **kwargs: Any) -> Any:
        connection = await super().connect(*args, **kwargs)
        _read_by(connection, CHUNK)
        return connection


def _read_by(connection: Any, size: int) -> None:
    """Have a connection read so many bytes at a time."""
    transport: Any = getattr(connection, "transport", None)
    if hasattr(transport, "max_size"):  # asyncio's own, without TLS
        transport.max_size = size


@attrs.define
class _Connections:
    session: aiohttp.ClientSession
    gate: asyncio.Semaphore
    is_ours: bool = True


class AiohttpTransport:
    """Send requests with aiohttp, from any number of event loops."""

    def __init__(
        self,
        *,
        connection_limit: int = 100,
        proxy: str | None = None,
        trust_env: bool = True,
        ssl_context: ssl.SSLContext | None = None,
        http_session: aiohttp.ClientSession | None = None,
        trace_configs: Sequence[aiohttp.TraceConfig] = (),
    ) -> None:
        self._proxies = Proxies(proxy, trust_env=trust_env)
        if http_session is None:
            opened = partial(_connect, connection_limit, ssl_context, list(trace_configs))
        else:
            opened = partial(_borrow, connection_limit, http_session)
        self._connections = PerLoop(opened, _close, _abandon)

    async def send(self, request: Request, timeout: float, patience: float | None = None) -> Answer:  # noqa: ASYNC109
        """
        Exchange one request for its answer.

        Args:
            request: What to send.
            timeout: Seconds the exchange may take, from connecting to the last byte.
            patience: Seconds to wait for a free connection and exchange, together; None for as long as it takes.

        Raises:
            NetworkError: No answer came.
        """
        connections = self._connections.find() or await self._connections.get()
        if patience is None:
            await connections.gate.acquire()
        else:
            timeout = min(timeout, await _queue(connections.gate, request, patience))
        body: Any = None
        try:
            if request.body is not None or request.parts or request.pieces:
                body = await _body(request)
            response = await self._request(connections.session, request, body, timeout)
            # `read` gives the connection back at the end, and closes it on any error.
            return Answer(response.status, response.headers, await response.read())
        except FAILURES as problem:
            is_sent = body.is_sent if isinstance(body, _Body) else True
            raise _network_error(problem, request, timeout, is_sent=is_sent) from _without_headers(problem)
        finally:
            connections.gate.release()

    @asynccontextmanager
    async def stream(self, request: Request, timeout: float) -> AsyncGenerator[Download, None]:  # noqa: ASYNC109
        """
        Open an answer for reading piece by piece; `timeout` bounds the connecting, and the wait for each piece.

        Raises:
            NetworkError: No answer came, or it broke off.
        """
        session = (await self._connections.get()).session
        limits = aiohttp.ClientTimeout(total=None, sock_connect=timeout, sock_read=timeout)
        proxy = self._proxies.find(request.url)
        asked = session.get(
            URL(request.url, encoded=True),
            headers=request.headers,
            timeout=limits,
            proxy=proxy,
            read_bufsize=DOWNLOAD_CHUNK,
        )
        async with AsyncExitStack() as opened:
            try:
                response = await opened.enter_async_context(asked)
            except FAILURES as problem:
                raise _network_error(problem, request, timeout, is_sent=True) from _without_headers(problem)
            yield Download(response.status, response.headers, _Pieces(response, request, timeout))

    async def close(self) -> None:
        """Close the connections; a session that was passed in stays open."""
        await self._connections.close()

    def _request(
        self, session: aiohttp.ClientSession, request: Request, body: object, timeout: float
    ) -> Awaitable[aiohttp.ClientResponse]:
        return session.request(
            request.method,
            URL(request.url, encoded=True),
            headers=request.headers,
            data=body,
            timeout=_total(timeout),
            allow_redirects=request.method == "GET",  # aiohttp drops the key on the way to another origin
            raise_for_status=False,
            proxy=self._proxies.find(request.url),
            skip_auto_headers=NO_TYPE if request.pieces else None,
        )


class _Pieces:
    """The body of an answer, piece by piece. What whoever reads it raises is theirs, and not turned into anything."""

    def __init__(self, response: aiohttp.ClientResponse, request: Request, timeout: float) -> None:
        self._content = response.content
        self._pieces = response.content.iter_chunked(DOWNLOAD_CHUNK)
        _read_by(response.connection, DOWNLOAD_CHUNK)
        self._request = request
        self._timeout = timeout
        self._failure: NetworkError | None = None

    def __aiter__(self) -> _Pieces:
        return self

    async def __anext__(self) -> bytes:
        if self._failure is not None:
            raise self._failure
        try:
            return await self._pieces.__anext__()
        except FAILURES as problem:
            self._failure = _network_error(problem, self._request, self._timeout, is_sent=True)
            self._failure.__cause__ = _without_headers(problem)
        return self._left_over() or await self.__anext__()

    def _left_over(self) -> bytes:
        """Return what came before the connection broke: aiohttp tells of the break first, and keeps the bytes."""
        held: Any = self._content
        pieces = list(getattr(held, "_buffer", ()))
        return b"".join(pieces)[getattr(held, "_buffer_offset", 0) :]


class _Body(aiohttp.BytesPayload):
    """A body that remembers whether any of it went out: before that, no server has acted on it."""

    is_sent = False

    async def write(self, writer: Any) -> None:
        self.is_sent = True
        await super().write(writer)

    async def write_with_length(self, writer: Any, content_length: int | None) -> None:
        self.is_sent = True
        await super().write_with_length(writer, content_length)


async def _body(request: Request) -> object:
    if request.parts:
        form = aiohttp.FormData(list(request.fields.items()))
        for part in request.parts:
            reader = await anyio.to_thread.run_sync(part.open)
            form.add_field(part.name, reader, filename=part.file_name, content_type=part.content_type)
        return form
    if request.body is None:
        return request.pieces
    return _Body(request.body) if len(request.body) < LARGE_BODY else io.BytesIO(request.body)


async def _queue(gate: asyncio.Semaphore, request: Request, patience: float) -> float:
    """Take a place among the connections, and return the seconds that are left; or say that none came free."""
    began = asyncio.get_running_loop().time()
    with anyio.move_on_after(patience):
        await gate.acquire()
        return max(patience - (asyncio.get_running_loop().time() - began), 0.001)
    raise RequestTimeoutError(
        f"{request.method} {_where(request)} was not sent: no connection came free within {patience:g} s. Raise "
        "connection_limit, or the deadline.",
        request_sent=False,
    )


@lru_cache(maxsize=64)
def _total(timeout: float) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=timeout, ceil_threshold=math.inf)


def _network_error(problem: BaseException, request: Request, timeout: float, *, is_sent: bool) -> NetworkError:
    is_sent = is_sent and not isinstance(problem, NEVER_SENT)
    what = f"{request.method} {_where(request)}"
    if isinstance(problem, asyncio.TimeoutError):
        return RequestTimeoutError(f"{what} got no full answer within {timeout:g} s.", request_sent=is_sent)
    reason = str(problem) or type(problem).__name__
    outcome = "The server may have acted on it." if is_sent else "The server never saw it."
    return NetworkError(f"{what} failed: {reason}. {outcome}", request_sent=is_sent)


def _where(request: Request) -> str:
    return URL(request.url, encoded=True).with_query(None).human_repr()


def _without_headers(problem: BaseException) -> BaseException | None:
    """Return the problem as a cause, unless it holds the request's headers, and with them the key."""
    return None if isinstance(problem, aiohttp.ClientResponseError) else problem


def _connect(limit: int, ssl_context: ssl.SSLContext | None, trace_configs: list[aiohttp.TraceConfig]) -> _Connections:
    connector_options: dict[str, Any] = {"ssl": ssl_context} if ssl_context else {}
    session = aiohttp.ClientSession(
        connector=_Connector(limit=0, **connector_options),  # the gate is the limit
        cookie_jar=aiohttp.DummyCookieJar(),
        trace_configs=trace_configs,
    )
    return _Connections(session, asyncio.Semaphore(limit))


def _borrow(limit: int, session: aiohttp.ClientSession) -> _Connections:
    loop = session._loop  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # the public name warns
    if loop is not asyncio.get_running_loop():
        raise invalid(
            "http_session",
            "http_session belongs to another event loop than the one this call runs in. Make it in that loop; a "
            "blocking client has a loop of its own, and can use no other's session.",
        )
    return _Connections(session, asyncio.Semaphore(limit), is_ours=False)


async def _close(connections: _Connections) -> None:
    if connections.is_ours:
        await connections.session.close()


def _abandon(connections: _Connections) -> None:
    if connections.is_ours:
        abandon(connections.session)
