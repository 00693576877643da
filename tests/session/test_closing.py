"""Closing a client ends its calls, wherever they are, and says whether the server may have acted on them."""

from __future__ import annotations

import asyncio
import threading
from typing import Any, List

import aiohttp
import pytest

from bluma_async import AsyncBluma, errors
from bluma_async._session.connections import Connections
from bluma_async._session.transport import AiohttpTransport
from bluma_async._wire.messages import Request
from tests.fakes import FakeClock, FakeTransport, client_with, problem
from tests.servers import client_for, serving

NEVER = 3600.0
SOON = 5.0  # seconds; each of these calls would take longer
BEGINNINGS = {"head": b"", "body": b'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"id"'}
PROMPT = {"prompt": "a sky"}


def stalls(beginning: bytes, is_reached: asyncio.Event) -> Any:
    """Return a server that begins an answer, and never goes on."""

    async def serve(_: Any, writer: asyncio.StreamWriter, __: bytes) -> None:
        writer.write(beginning)
        await writer.drain()
        is_reached.set()
        await asyncio.sleep(NEVER)

    return serve


async def end_of(call: asyncio.Future[Any]) -> BaseException:
    """Return the error of a call that ends soon."""
    await asyncio.wait({call}, timeout=SOON)
    assert call.done()
    error = call.exception()
    assert error is not None
    return error


@pytest.mark.parametrize("stage", BEGINNINGS)
@pytest.mark.parametrize("is_borrowed", [False, True])
async def test_a_call_ends_while_its_answer_arrives(stage: str, is_borrowed: bool) -> None:
    """Whose session it is does not matter; the error does not claim that the request was not sent."""
    is_reached = asyncio.Event()
    async with serving(stalls(BEGINNINGS[stage], is_reached)) as (base, _), aiohttp.ClientSession() as own:
        client = client_for(base, http_session=own if is_borrowed else None)
        call = asyncio.ensure_future(client.videos.get("batch_1"))
        await is_reached.wait()

        await client.aclose()
        error = await end_of(call)

        assert own.closed is False
    assert isinstance(error, errors.NetworkError)
    assert error.request_sent
    assert "failed: the client was closed. The server may have acted on it." in str(error)


async def test_a_create_whose_answer_arrives_ends_in_doubt() -> None:
    """Its request was sent: it may be billed."""
    is_reached = asyncio.Event()
    async with serving(stalls(BEGINNINGS["body"], is_reached)) as (base, _):
        client = client_for(base, validate="never")
        call = asyncio.ensure_future(client.videos.create(PROMPT, "t"))
        await is_reached.wait()

        await client.aclose()

        assert isinstance(await end_of(call), errors.AmbiguousCreateError)


async def test_a_create_that_connects_ends_unsent() -> None:
    """No byte of it has left: it is not in doubt."""
    is_connecting, trace = asyncio.Event(), aiohttp.TraceConfig()

    async def hang(*_: Any) -> None:
        is_connecting.set()
        await asyncio.sleep(NEVER)

    trace.on_connection_create_start.append(hang)
    async with serving(stalls(b"", asyncio.Event())) as (base, _):
        client = client_for(base, validate="never", trace_configs=[trace])
        call = asyncio.ensure_future(client.videos.create(PROMPT, "t"))
        await is_connecting.wait()

        await client.aclose()
        error = await end_of(call)

    assert isinstance(error, errors.NetworkError)
    assert error.request_sent is False
    assert client.open_creates == []


async def test_calls_that_wait_for_a_connection_end_too() -> None:
    """One call has the only connection; the others were never sent."""
    is_reached = asyncio.Event()
    async with serving(stalls(b"", is_reached)) as (base, heads):
        client = client_for(base, connection_limit=1, validate="never")
        first = asyncio.ensure_future(client.videos.get("batch_1"))
        await is_reached.wait()
        others = [asyncio.ensure_future(client.videos.create(PROMPT, "t")) for _ in range(20)]
        await asyncio.sleep(0)

        await client.aclose()
        ended = [await end_of(call) for call in (first, *others)]

    assert len(heads) == 1
    assert [getattr(error, "request_sent", None) for error in ended] == [True, *[False] * 20]


class SleepsForever(FakeClock):
    """A clock whose sleeps end by a cancellation only."""

    def __init__(self) -> None:
        super().__init__()
        self.is_sleeping = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        self.is_sleeping.set()
        await asyncio.sleep(NEVER)


async def test_a_pause_before_a_retry_ends_with_the_failure_before_it() -> None:
    """No further request follows, and the error is not that of a request which was not sent."""
    client, transport, _ = client_with(problem(503))
    clock = SleepsForever()
    client._session.shared.clock = clock
    call = asyncio.ensure_future(client.videos.get("batch_1"))
    await clock.is_sleeping.wait()

    await client.aclose()

    assert isinstance(await end_of(call), errors.ServerError)
    assert transport.sent == ["GET /videos/batch_1"]


async def test_a_closed_transport_opens_no_session() -> None:
    """A call that has taken the transport before it was closed sends nothing: nobody would close that session."""
    transport = AiohttpTransport()
    await transport.close()

    with pytest.raises(errors.NetworkError, match=r"the client was closed\. The server never saw it") as caught:
        await transport.send(Request("GET", "http://127.0.0.1:9/x", {}), 1.0)

    assert caught.value.request_sent is False


async def test_the_wait_for_a_piece_is_bounded_also_if_its_session_is_closed() -> None:
    """The bound that aiohttp has is gone when the user closes a session that was passed in."""
    begun = b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nx"
    async with serving(stalls(begun, asyncio.Event())) as (base, _), aiohttp.ClientSession() as own:
        transport = AiohttpTransport(http_session=own)
        async with transport.stream(Request("GET", base, {}), 0.2) as download:
            pieces = download.pieces.__aiter__()
            assert await pieces.__anext__() == b"x"
            piece = asyncio.ensure_future(pieces.__anext__())
            await asyncio.sleep(0)

            await own.close()

            assert isinstance(await end_of(piece), errors.RequestTimeoutError)


async def test_a_cancellation_at_the_same_moment_is_kept() -> None:
    """The caller has cancelled the call, and gets a CancelledError."""
    is_reached = asyncio.Event()
    async with serving(stalls(b"", is_reached)) as (base, _):
        client = client_for(base)
        call = asyncio.ensure_future(client.videos.get("batch_1"))
        await is_reached.wait()

        closing = asyncio.ensure_future(client.aclose())
        call.cancel()
        await closing
        await asyncio.wait({call}, timeout=SOON)

    assert call.cancelled()


async def raise_mine() -> None:
    """Fail like a pause whose clock is broken."""
    raise LookupError("mine")


async def test_an_error_of_a_pause_is_raised() -> None:
    """A pause that fails is no pause that has ended."""
    with pytest.raises(LookupError, match="mine"):
        await Connections(FakeTransport).until_closed(raise_mine())


async def test_another_thread_ends_a_pause() -> None:
    """A client is used in several event loops, and closed in one of them."""
    connections = Connections(FakeTransport)
    ended: List[str] = []

    async def pause() -> None:
        threading.Thread(target=lambda: asyncio.run(connections.close())).start()
        try:
            await asyncio.sleep(NEVER)
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise

    await asyncio.wait_for(connections.until_closed(pause()), SOON)

    assert ended == ["cancelled"]


async def test_a_pause_of_a_closed_client_does_not_begin() -> None:
    """Its client was closed by another thread, just before."""
    connections = Connections(FakeTransport)
    await connections.close()

    await asyncio.wait_for(connections.until_closed(asyncio.sleep(NEVER)), SOON)


def test_closing_from_another_loop_ends_a_call() -> None:
    """The loop in which the call runs is told, and ends it there."""
    loop, is_reached = asyncio.new_event_loop(), threading.Event()
    clients: List[AsyncBluma] = []

    async def serve_and_call() -> BaseException:
        reached = asyncio.Event()
        async with serving(stalls(b"", reached)) as (base, _):
            client = client_for(base)
            clients.append(client)
            call = asyncio.ensure_future(client.videos.get("batch_1"))
            await reached.wait()
            is_reached.set()
            return await end_of(call)

    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    ended = asyncio.run_coroutine_threadsafe(serve_and_call(), loop)
    assert is_reached.wait(SOON)

    asyncio.run(clients[0].aclose())
    error = ended.result(2 * SOON)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()

    assert isinstance(error, errors.NetworkError)
