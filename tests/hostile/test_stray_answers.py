"""Answers that nobody asked for, on idle connections: they are never taken for the answer to the next request."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from bluma_async import AsyncBluma
from tests.fakes import FakeClock
from tests.hostile.raw_server import Exchange, RawServer, reply

STRAY = reply(b'{"id": "batch_stray", "status": "completed", "template_id": "t", "created_at": "2025-11-03T10:30:00Z"}')


async def answer_own(exchange: Exchange) -> None:
    """Answer each read with the video of its path, and each create with a video of its own."""
    name = f"batch_new_{exchange.number}" if exchange.line.startswith("POST") else exchange.line.rpartition("/")[2]
    video = {"id": name, "status": "queued", "template_id": "t", "created_at": "2025-11-03T10:30:00Z"}
    await exchange.send(reply(json.dumps(video).encode(), b"202 Accepted"))


def client_of(server: RawServer, **options: Any) -> AsyncBluma:
    """Return a client that never retries."""
    return AsyncBluma("bluma_test_key", base_url=server.base_url, max_retries=0, settle_time=0, **options)


async def let_the_loop_read() -> None:
    """Let the event loop read what has arrived."""
    for _ in range(20):
        await asyncio.sleep(0)


@pytest.mark.parametrize("is_read", [False, True], ids=["in the kernel", "in the loop"])
@pytest.mark.parametrize("stray", [STRAY, STRAY[:40], STRAY[:-3], b"HTTP/1.1 100 Continue\r\n\r\n", b"\r\n", b"?"])
async def test_a_stray_answer_is_not_the_answer_of_the_next_call(stray: bytes, is_read: bool) -> None:
    """A connection that has unread bytes is not used again, whether or not the event loop has read them already."""
    with RawServer(answer_own) as server:
        async with client_of(server) as client:
            await client.videos.get("batch_1")
            server.send(0, stray)
            if is_read:
                await let_the_loop_read()
            video = await client.videos.get("batch_2")
            server.send(1, stray)
            if is_read:
                await let_the_loop_read()
            made = await client.videos.create(template_id="t", context={"prompt": "x"})

    assert (video.id, made.id) == ("batch_2", "batch_new_2")
    assert server.connections == 3 or is_read  # a part of a head, once it was read, leaves no trace, and does no harm


async def test_a_connection_is_used_again() -> None:
    """Reads and creates that follow each other share a connection."""
    with RawServer(answer_own) as server:
        async with client_of(server) as client:
            await client.videos.get("batch_1")
            await client.videos.create(template_id="t", context={"prompt": "x"})
            await client.videos.get("batch_2")

    assert server.connections == 1


async def test_a_paid_request_does_not_use_a_connection_that_was_idle() -> None:
    """A server may be closing it at the same time; the outcome of the create would then be uncertain."""
    clock = FakeClock()
    with RawServer(answer_own) as server:
        async with client_of(server, clock=clock) as client:
            await client.videos.get("batch_1")
            clock.time += 1.5
            await client.videos.get("batch_2")
            clock.time += 1.5
            await client.videos.create(template_id="t", context={"prompt": "x"})

    assert [exchange.connection for exchange in server.exchanges] == [0, 0, 1]


async def test_a_connection_that_the_server_has_closed_is_not_used_again() -> None:
    """Also if the event loop has not seen it yet: the create is certain, and the read needs no retry."""
    with RawServer(answer_own) as server:
        async with client_of(server) as client:
            await client.videos.get("batch_1")
            server.close(0)
            made = await client.videos.create(template_id="t", context={"prompt": "x"})
            server.close(1)
            video = await client.videos.get("batch_2")

    assert (made.id, video.id) == ("batch_new_1", "batch_2")
