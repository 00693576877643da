"""
Send requests with aiohttp. Only this module and `loop_session` use its client.

Rule 1: connections belong to the event loop that opened them.
Rule 2: every failure becomes a NetworkError, which says whether the server may have acted on the request.
Rule 3: `timeout` bounds the whole exchange, also when the answer arrives byte by byte. The wait for a free connection
is not part of it: otherwise ten thousand calls at once would make a fast server look slow.
"""

from __future__ import annotations

import asyncio
import math
import time
from contextlib import AsyncExitStack, asynccontextmanager
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence

import aiohttp

from bluma_async._runtime.loops import PerLoop
from bluma_async._runtime.proxies import Proxies
from bluma_async._session.bodies import INFLATED, BodyError, RecordingBody, inflate, make_body, read_body
from bluma_async._session.connector import set_read_size
from bluma_async._session.failures import FAILURES, hide_frames, make_network_error, make_url
from bluma_async._session.loop_session import abandon_session, borrow, close, connect
from bluma_async._wire.messages import Answer, Download
from bluma_async.errors import NetworkError, RequestTimeoutError

if TYPE_CHECKING:
    import ssl

    from yarl import URL

    from bluma_async._wire.messages import Request

__all__ = ["AiohttpTransport"]

NO_TYPE = ("Content-Type",)  # a link may be signed without a type, and its host then refuses a request with one
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
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._proxies = Proxies(proxy, trust_env=trust_env)
        if http_session is None:
            opened = partial(connect, connection_limit, ssl_context, list(trace_configs), now)
        else:
            opened = partial(borrow, connection_limit, http_session)
        self._connections = PerLoop(opened, close, abandon_session)

    async def send(self, request: Request, timeout: float, patience: float | None = None) -> Answer:
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
        try:
            outcome = await self._exchange(held.session, request, timeout)
        finally:
            held.gate.release()
        if isinstance(outcome, NetworkError):
            raise outcome
        return outcome

    @asynccontextmanager
    async def stream(self, request: Request, timeout: float) -> AsyncGenerator[Download, None]:
        """
        Open an answer whose body is read piece by piece; `timeout` bounds the connecting, and the wait for each piece.

        Raises:
            NetworkError: No answer came, or the connection broke while it was read.
        """
        session = (await self._connections.get()).session
        async with AsyncExitStack() as opened:
            response = await self._open(opened, session, request, timeout)
            if isinstance(response, NetworkError):
                raise response
            pieces: AsyncIterator[bytes] = _Pieces(response, request, timeout)
            coding = response.headers.get("Content-Encoding", "").strip().lower()
            if coding in INFLATED and not session.auto_decompress:  # a host that was asked not to compress the file
                pieces = inflate(pieces, coding, DOWNLOAD_CHUNK)
            yield Download(response.status, response.headers, pieces)

    async def close(self) -> None:
        """Close the connections; a session that was passed in stays open."""
        await self._connections.close()

    async def _exchange(
        self,
        session: aiohttp.ClientSession,
        request: Request,
        timeout: float,
    ) -> Answer | NetworkError:
        """Return the answer, or the error to raise."""
        body: Any = None
        response: Any = None
        has_begun = False
        try:
            url, proxy = make_url(request), self._proxies.find(request.url)
            body = await make_body(request) if request.has_body else None
            has_begun = True
            response = await self._request(session, request, url, proxy, body, timeout)
            content = await read_body(response, is_decompressed=session.auto_decompress)
            return Answer(response.status, response.headers, content)
        except BodyError as flaw:
            return Answer(response.status, response.headers, b"", str(flaw))
        except FAILURES as problem:
            is_sent = body.is_sent if isinstance(body, RecordingBody) else has_begun
            status = None if response is None else response.status
            return make_network_error(problem, request, timeout, is_sent=is_sent, http_status=status)
        except BaseException as problem:  # noqa: BLE001 - a cancellation, for example; it is raised again
            response = None  # its repr shows the headers, which can echo the key
            raise hide_frames(problem)  # noqa: B904 - it is the same exception

    def _request(
        self,
        session: aiohttp.ClientSession,
        request: Request,
        url: URL,
        proxy: str | None,
        body: object,
        timeout: float,
    ) -> Awaitable[aiohttp.ClientResponse]:
        return session.request(
            request.method,
            url,
            headers=request.headers,
            data=body,
            timeout=_total(timeout),
            allow_redirects=request.method == "GET",  # aiohttp drops the key on the way to another origin
            raise_for_status=False,
            proxy=proxy,
            skip_auto_headers=NO_TYPE if request.pieces else None,
        )

    async def _open(
        self,
        opened: AsyncExitStack,
        session: aiohttp.ClientSession,
        request: Request,
        timeout: float,
    ) -> aiohttp.ClientResponse | NetworkError:
        """Return the answer whose body is to be streamed, or the error to raise."""
        try:
            opening = session.get(
                make_url(request),
                headers=request.headers,
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=timeout, sock_read=timeout),
                proxy=self._proxies.find(request.url),
                read_bufsize=DOWNLOAD_CHUNK,
            )
            return await opened.enter_async_context(opening)
        except FAILURES as problem:
            return make_network_error(problem, request, timeout, is_sent=True)
        except BaseException as problem:  # noqa: BLE001 - a cancellation, for example; it is raised again
            raise hide_frames(problem)  # noqa: B904 - it is the same exception


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
            self._failure = make_network_error(problem, self._request, self._timeout, is_sent=True)
        return self._left_over() or await self.__anext__()

    def _left_over(self) -> bytes:
        """Return the bytes that arrived before the connection broke: aiohttp raises first, and keeps them."""
        held: Any = self._content
        pieces = list(getattr(held, "_buffer", ()))
        return b"".join(pieces)[getattr(held, "_buffer_offset", 0) :]


async def _acquire(gate: asyncio.Semaphore, request: Request, patience: float) -> float:
    """
    Wait for a free connection, and return the seconds that are left.

    Raises:
        RequestTimeoutError: No connection became free in time. Nothing was sent.
    """
    import anyio  # noqa: PLC0415 - only a create with a deadline needs it

    began = asyncio.get_running_loop().time()
    with anyio.move_on_after(patience):
        await gate.acquire()
        return max(patience - (asyncio.get_running_loop().time() - began), 0.001)
    raise RequestTimeoutError(
        f"{request.method} {request.bare_url} was not sent: no connection came free within {patience:g} s. Raise "
        "connection_limit, or the deadline.",
        request_sent=False,
    )


@lru_cache(maxsize=64)
def _total(timeout: float) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=timeout, ceil_threshold=math.inf)
