"""
Send requests with aiohttp. Only this module and `loop_session` use its client.

Rule 1: connections belong to the event loop that opened them.
Rule 2: every failure becomes a NetworkError, which says whether the server may have acted on the request.
Rule 3: `timeout` bounds the whole exchange, also when the answer arrives byte by byte; of a stream, whose body may be
large, it bounds the head. The wait for a free connection is not part of it: otherwise ten thousand calls at once would
make a fast server look slow. A session of the user's can have a limit of its own, and aiohttp does not report when that
wait ends: of a stream through it, `timeout` bounds connecting and then the wait for each byte, but not the whole head.
Rule 4: closing ends every exchange, with a NetworkError, and none begins after that.
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
from bluma_async._runtime.tasks import within
from bluma_async._session.bodies import INFLATED, BodyError, RecordingBody, inflate, make_body, read_body
from bluma_async._session.connector import set_read_size
from bluma_async._session.exchanges import ClientClosedError
from bluma_async._session.failures import FAILURES, hide_frames, make_network_error, make_url
from bluma_async._session.loop_session import abandon_session, borrow, close, connect
from bluma_async._session.redirects import MOST_REDIRECTS, REDIRECTS, find_target
from bluma_async._wire.messages import Answer, Download
from bluma_async.errors import BlumaError, InvalidArgumentError, NetworkError, RequestTimeoutError

if TYPE_CHECKING:
    import ssl

    from yarl import URL

    from bluma_async._session.exchanges import Exchanges
    from bluma_async._session.loop_session import LoopSession
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
        self._is_closed = False

    async def send(self, request: Request, timeout: float, patience: float | None = None) -> Answer:
        """
        Send one request and return its answer.

        Args:
            request: The request.
            timeout: Seconds that the exchange may take, from connecting to the last byte.
            patience: Seconds to wait for a free connection and exchange, together; None for no limit.

        Raises:
            NetworkError: No answer came.
            InvalidArgumentError: The environment's proxy is invalid; nothing was sent.
        """
        held = self._connections.find() or await self._connect(request)
        if patience is None:
            await held.gate.acquire()
        else:
            timeout = min(timeout, await _acquire(held.gate, request, patience))
        try:
            outcome = await self._exchange(held.session, held.exchanges, request, timeout)
        finally:
            held.gate.release()
        if isinstance(outcome, BlumaError):
            raise outcome
        return outcome

    @asynccontextmanager
    async def stream(self, request: Request, timeout: float) -> AsyncGenerator[Download, None]:
        """
        Open an answer whose body is read piece by piece.

        `timeout` bounds the time until the head has arrived completely, and then the wait for each piece of the body.

        Raises:
            NetworkError: No answer came, or the connection broke while it was read.
        """
        held = await self._connect(request)
        async with AsyncExitStack() as opened:
            response = await self._open(opened, held, request, timeout)
            if isinstance(response, BlumaError):
                raise response
            pieces: AsyncIterator[bytes] = _Pieces(held.exchanges, response, request, timeout)
            coding = response.headers.get("Content-Encoding", "").strip().lower()
            if (
                coding in INFLATED and not held.session.auto_decompress
            ):  # a host that was asked not to compress the file
                pieces = inflate(pieces, coding, DOWNLOAD_CHUNK)
            yield Download(response.status, response.headers, pieces)

    async def close(self) -> None:
        """End the exchanges and close the connections; a session that was passed in stays open."""
        self._is_closed = True
        await self._connections.close()

    async def _connect(self, request: Request) -> LoopSession:
        """Return the running loop's session. One that was opened after `close` would never be closed."""
        if self._is_closed:
            raise make_network_error(ClientClosedError(), request, 0.0, is_sent=False)
        return await self._connections.get()

    async def _exchange(
        self,
        session: aiohttp.ClientSession,
        exchanges: Exchanges,
        request: Request,
        timeout: float,
    ) -> Answer | BlumaError:
        """Return the answer, or the error to raise."""
        body: Any = None
        response: Any = None
        has_begun = False
        try:
            url, proxy = make_url(request), self._proxies.find(request.url)
            body = await make_body(request) if request.has_body else None
            with exchanges:
                has_begun = True
                response = await self._request(session, request, url, proxy, body, timeout)
                if response.status in REDIRECTS and (target := find_target(request.method, url, response)) is not None:
                    response = await self._follow(session, request, response, target, timeout)
                content = await read_body(response, is_decompressed=session.auto_decompress)
            return Answer(response.status, response.headers, content)
        except BodyError as flaw:
            return Answer(response.status, response.headers, b"", str(flaw))
        except InvalidArgumentError as mistake:
            return mistake
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
            allow_redirects=False,  # aiohttp would send all headers but two to another origin
            raise_for_status=False,
            proxy=proxy,
            skip_auto_headers=NO_TYPE if request.pieces else None,
        )

    async def _follow(
        self,
        session: aiohttp.ClientSession,
        request: Request,
        response: aiohttp.ClientResponse,
        target: URL,
        timeout: float,
    ) -> aiohttp.ClientResponse:
        """Follow the redirects of a read, within the same timeout; return the last response, perhaps a redirect."""
        loop, following = asyncio.get_running_loop(), target
        ends = loop.time() + timeout
        for _ in range(MOST_REDIRECTS):
            response.release()
            proxy, left = self._proxies.find(str(following)), max(ends - loop.time(), 0.001)
            response = await self._request(session, request, following, proxy, None, left)
            found = find_target(request.method, following, response)
            if found is None:
                break
            following = found
        return response

    async def _open(
        self,
        opened: AsyncExitStack,
        held: LoopSession,
        request: Request,
        timeout: float,
    ) -> aiohttp.ClientResponse | BlumaError:
        """Return the answer whose body is to be streamed, or the error to raise."""
        try:
            opening = held.session.get(
                make_url(request),
                headers=request.headers,
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=timeout, sock_read=timeout),
                proxy=self._proxies.find(request.url),
                read_bufsize=DOWNLOAD_CHUNK,
            )
            # aiohttp cannot bound the head alone: `sock_read` begins again with each byte, `total` covers the body too.
            # Only our own sessions have no limit, and so no wait for a free connection in here.
            with held.exchanges:
                return await within(timeout if held.is_ours else None, opened.enter_async_context(opening))
        except InvalidArgumentError as mistake:  # of the proxy
            return mistake
        except FAILURES as problem:
            return make_network_error(problem, request, timeout, is_sent=True)
        except BaseException as problem:  # noqa: BLE001 - a cancellation, for example; it is raised again
            raise hide_frames(problem)  # noqa: B904 - it is the same exception


class _Pieces:
    """
    The body of an answer, piece by piece. Only failures of the connection become a NetworkError.

    The wait for each piece is bounded here too: aiohttp's own bound ends without a word if its connection is closed on
    this side, for example because the user has closed a session that was passed in.
    """

    def __init__(
        self, exchanges: Exchanges, response: aiohttp.ClientResponse, request: Request, timeout: float
    ) -> None:
        self._exchanges = exchanges
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
            with self._exchanges:
                return await within(self._timeout, self._pieces.__anext__())
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
