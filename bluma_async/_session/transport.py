"""
Send requests with aiohttp. Only this module and `loop_session` use its client.

Rule 1: connections belong to the event loop that opened them.
Rule 2: every failure becomes a NetworkError, which says whether the server may have acted on the request.
Rule 3: `timeout` bounds the whole exchange, also when the answer arrives byte by byte. The wait for a free connection
is not part of it: otherwise ten thousand calls at once would make a fast server look slow.
"""

from __future__ import annotations

import asyncio
import io
import math
import re
from contextlib import AsyncExitStack, asynccontextmanager
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, AsyncGenerator, Awaitable, Callable, Sequence

import aiohttp
import anyio
from yarl import URL

from bluma_async._runtime.loops import PerLoop
from bluma_async._runtime.proxies import Proxies
from bluma_async._runtime.threads import in_thread
from bluma_async._session.loop_session import abandon_session, borrow, close, connect, set_read_size
from bluma_async._wire.messages import Answer, Download
from bluma_async.errors import NetworkError, RequestTimeoutError

if TYPE_CHECKING:
    import ssl

    from bluma_async._wire.messages import Request

__all__ = ["AiohttpTransport"]

FAILURES = (aiohttp.ClientError, asyncio.TimeoutError, OSError)
NEVER_SENT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL)
NO_TYPE = ("Content-Type",)  # a link may be signed without a type, and its host then refuses a request with one
LARGE_BODY = 2**20  # aiohttp warns about larger bytes, and wants a reader instead
URL_QUERY = re.compile(r"(\w+://[^\s'\"?#]*)[?#][^\s'\"]*")
DOWNLOAD_CHUNK = 2**18


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
            opened = partial(connect, connection_limit, ssl_context, list(trace_configs))
        else:
            opened = partial(borrow, connection_limit, http_session)
        self._connections = PerLoop(opened, close, abandon_session)

    async def send(self, request: Request, timeout: float, patience: float | None = None) -> Answer:  # noqa: ASYNC109
        """
        Send one request and return its answer.

        Args:
            request: The request.
            timeout: Seconds that the exchange may take, from connecting to the last byte.
            patience: Seconds to wait for a free connection and exchange, together; None for no limit.

        Raises:
            NetworkError: No answer came.
        """
        held = self._connections.find() or await self._connections.get()
        if patience is None:
            await held.gate.acquire()
        else:
            timeout = min(timeout, await _acquire(held.gate, request, patience))
        body: Any = None
        try:
            if request.body is not None or request.parts or request.pieces:
                body = await _body(request)
            response = await self._request(held.session, request, body, timeout)
            # `read` releases the connection at the end, and closes it on any error.
            return Answer(response.status, response.headers, await response.read())
        except FAILURES as problem:
            is_sent = body.is_sent if isinstance(body, _Body) else True
            raise _network_error(problem, request, timeout, is_sent=is_sent) from _without_headers(problem)
        finally:
            held.gate.release()

    @asynccontextmanager
    async def stream(self, request: Request, timeout: float) -> AsyncGenerator[Download, None]:  # noqa: ASYNC109
        """
        Open an answer whose body is read piece by piece; `timeout` bounds the connecting, and the wait for each piece.

        Raises:
            NetworkError: No answer came, or the connection broke while it was read.
        """
        session = (await self._connections.get()).session
        limits = aiohttp.ClientTimeout(total=None, sock_connect=timeout, sock_read=timeout)
        proxy = self._proxies.find(request.url)
        opening = session.get(
            URL(request.url, encoded=True),
            headers=request.headers,
            timeout=limits,
            proxy=proxy,
            read_bufsize=DOWNLOAD_CHUNK,
        )
        async with AsyncExitStack() as opened:
            try:
                response = await opened.enter_async_context(opening)
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
    """The body of an answer, piece by piece. Only failures of the connection become a NetworkError."""

    def __init__(self, response: aiohttp.ClientResponse, request: Request, timeout: float) -> None:
        self._content = response.content
        self._pieces = response.content.iter_chunked(DOWNLOAD_CHUNK)
        set_read_size(response.connection, DOWNLOAD_CHUNK)
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
        """Return the bytes that arrived before the connection broke: aiohttp raises first, and keeps them."""
        held: Any = self._content
        pieces = list(getattr(held, "_buffer", ()))
        return b"".join(pieces)[getattr(held, "_buffer_offset", 0) :]


class _Body(aiohttp.BytesPayload):
    """A body that records whether any of it was written: before that, the server cannot have acted on the request."""

    is_sent = False
    may_send: Callable[[], bool] | None = None

    async def write(self, writer: Any) -> None:
        self._begin()
        await super().write(writer)

    async def write_with_length(self, writer: Any, content_length: int | None) -> None:
        self._begin()
        await super().write_with_length(writer, content_length)

    def _begin(self) -> None:
        if self.may_send is not None and not self.may_send():
            raise aiohttp.ClientConnectionError("this process was stopped for too long before it could send")
        self.is_sent = True


async def _body(request: Request) -> object:
    if request.parts:
        form = aiohttp.FormData(list(request.fields.items()))
        for part in request.parts:
            reader = await in_thread(part.open)
            form.add_field(part.name, reader, filename=part.file_name, content_type=part.content_type)
        return form
    if request.body is None:
        return request.pieces
    if len(request.body) >= LARGE_BODY:
        return io.BytesIO(request.body)
    body = _Body(request.body)
    body.may_send = request.may_send
    return body


async def _acquire(gate: asyncio.Semaphore, request: Request, patience: float) -> float:
    """
    Wait for a free connection, and return the seconds that are left.

    Raises:
        RequestTimeoutError: No connection became free in time. Nothing was sent.
    """
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
    sent = f"{request.method} {_where(request)}"
    if isinstance(problem, asyncio.TimeoutError):
        return RequestTimeoutError(f"{sent} got no full answer within {timeout:g} s.", request_sent=is_sent)
    reason = URL_QUERY.sub(r"\1", str(problem)) or type(problem).__name__  # the query of a signed link is a secret
    outcome = "The server may have acted on it." if is_sent else "The server never saw it."
    return NetworkError(f"{sent} failed: {reason}. {outcome}", request_sent=is_sent)


def _where(request: Request) -> str:
    return URL(request.url, encoded=True).with_query(None).human_repr()


def _without_headers(problem: BaseException) -> BaseException | None:
    """Return the exception to chain, or None if it contains the request's headers, and with them the key."""
    return None if isinstance(problem, aiohttp.ClientResponseError) else problem
