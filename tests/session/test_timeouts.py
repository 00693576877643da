"""The bounds of a call over real sockets: timeout, deadline, the limit of connections, cancellation."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from bluma_async import AsyncBluma, errors
from tests.servers import client_for, reply, serving, well


async def test_a_silent_server_is_cut_at_the_timeout() -> None:
    """A server that never answers ends the attempt after `timeout`, with a TimeoutError."""

    async def silent(*_: Any) -> None:
        await asyncio.Event().wait()

    async with serving(silent) as (base, _), client_for(base, timeout=0.05) as client:
        with pytest.raises(errors.RequestTimeoutError, match=r"no full answer within 0\.05 s") as caught:
            await client.videos.get("batch_1")

    assert isinstance(caught.value, TimeoutError)
    assert caught.value.request_sent


async def test_a_trickling_server_is_cut_at_the_timeout() -> None:
    """A server that sends a byte now and then does not extend the attempt."""

    async def trickle(_: Any, writer: asyncio.StreamWriter, __: bytes) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while not writer.is_closing():
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.005)

    async with serving(trickle) as (base, _), client_for(base, timeout=0.1) as client:
        began = time.monotonic()
        with pytest.raises(errors.RequestTimeoutError):
            await client.videos.get("batch_1")

    assert time.monotonic() - began < 5


async def test_the_deadline_holds_over_all_attempts() -> None:
    """Retries and their timeouts together end at `deadline`."""

    async def silent(*_: Any) -> None:
        await asyncio.Event().wait()

    async with serving(silent) as (base, heads):
        client = AsyncBluma("bluma_test_key", base_url=base, timeout=0.1, deadline=0.9, max_retries=50, retry_delay=0)
        async with client:
            with pytest.raises(errors.RequestTimeoutError) as caught:
                await client.videos.get("batch_1")

    assert 2 <= caught.value.attempts <= 10
    assert len(heads) <= 10


async def test_ten_thousand_calls_at_once_are_a_queue() -> None:
    """The wait for a connection is not part of the timeout, and `connection_limit` is kept."""
    open_now, most = 0, 0

    async def slow(_: Any, writer: asyncio.StreamWriter, __: bytes) -> None:
        nonlocal open_now, most
        open_now += 1
        most = max(most, open_now)
        await asyncio.sleep(0)
        writer.write(reply())
        await writer.drain()
        open_now -= 1

    async with serving(slow) as (base, heads), client_for(base, connection_limit=3, timeout=5) as client:
        await asyncio.gather(*(client.videos.get("batch_1") for _ in range(300)))

    assert len(heads) == 300
    assert most <= 3


async def test_the_deadline_ends_the_wait_for_a_connection() -> None:
    """A call that gets no connection before its deadline raises an error, which says that nothing was sent."""

    async def silent(*_: Any) -> None:
        await asyncio.Event().wait()

    async with serving(silent) as (base, heads), client_for(base, connection_limit=1) as client:
        holder = asyncio.ensure_future(client.videos.get("batch_1"))
        while not heads:
            await asyncio.sleep(0)
        with pytest.raises(errors.RequestTimeoutError, match="no connection came free") as caught:
            await client.with_options(deadline=0.05).videos.get("batch_1")
        holder.cancel()
        await asyncio.gather(holder, return_exceptions=True)

    assert not caught.value.request_sent
    assert len(heads) == 1


async def test_a_cancelled_call_closes_its_connection() -> None:
    """Cancelling closes the socket of the request, and the client can be used again."""
    gone = asyncio.Event()

    async def once_silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: bytes) -> None:
        if b"batch_slow" in head:
            assert await reader.read(1) == b""
            gone.set()
        else:
            await well(reader, writer, head)

    async with serving(once_silent) as (base, heads), client_for(base, connection_limit=1) as client:
        slow = asyncio.ensure_future(client.videos.get("batch_slow"))
        while not heads:
            await asyncio.sleep(0)
        slow.cancel()
        with pytest.raises(asyncio.CancelledError):
            await slow
        await gone.wait()
        assert (await client.videos.get("batch_1")).id == "batch_1"
