"""Send requests over real sockets: the bytes of the request, and the decoded answer."""

from __future__ import annotations

import asyncio
import gzip
import inspect
from typing import Any, List
from unittest.mock import Mock

import aiohttp
from aioresponses import aioresponses

from bluma_async import AsyncBluma
from bluma_async._session.transport import AiohttpTransport
from bluma_async._wire.messages import Request
from tests.servers import OK, client_for, reply, serving, well


class CannedResponse(aiohttp.ClientResponse):
    """A response with the argument that newer releases of aiohttp require, and aioresponses does not pass yet."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if "stream_writer" in inspect.signature(aiohttp.ClientResponse.__init__).parameters:
            kwargs["stream_writer"] = Mock(output_size=0)
        super().__init__(*args, **kwargs)


async def test_an_answer_comes_whole() -> None:
    """The request goes to the base URL with the key, and its answer is returned as a model."""
    async with serving(well) as (base, heads), client_for(base + "/api/v1/") as client:
        video = await client.videos.get("batch_1")

    assert video.id == "batch_1"
    assert heads[0].startswith(b"GET /api/v1/videos/batch_1 HTTP/1.1\r\n")
    assert b"\r\nAuthorization: Bearer bluma_test_key\r\n" in heads[0]
    assert heads[0].count(b"User-Agent") == 1


async def test_compressed_answers_are_read() -> None:
    """A compressed answer is decompressed."""
    body = gzip.compress(OK)

    async def packed(_: Any, writer: asyncio.StreamWriter, __: bytes) -> None:
        writer.write(reply(body, b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n"))
        await writer.drain()

    async with serving(packed) as (base, _), client_for(base) as client:
        assert (await client.videos.get("batch_1")).id == "batch_1"


async def test_a_body_larger_than_a_megabyte_is_sent() -> None:
    """A large context is sent, and aiohttp does not warn about it."""
    sizes: List[int] = []

    async def count(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: bytes) -> None:
        length = int(next(line for line in head.split(b"\r\n") if line.startswith(b"Content-Length")).split(b":")[1])
        sizes.append(len(await reader.readexactly(length)))
        writer.write(reply(b'{"id": "c"}'))
        await writer.drain()

    async with serving(count) as (base, _), client_for(base) as client:
        await client.collections.create("x" * 2**21)

    assert sizes[0] > 2**21


async def test_the_users_own_session_is_used_and_not_closed() -> None:
    """The caller's aiohttp session sends the requests, and is never closed."""
    async with serving(well) as (base, _), aiohttp.ClientSession(headers={"X-Mine": "1"}) as own:
        async with client_for(base, http_session=own) as client:
            await client.videos.get("batch_1")
        assert not own.closed


async def test_a_download_through_the_users_session_waits_for_a_connection_of_its_pool() -> None:
    """The wait is not part of `timeout`: the second of two downloads through one connection waits longer than that."""

    async def slow(_: Any, writer: asyncio.StreamWriter, __: bytes) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n")
        for _byte in range(10):
            await asyncio.sleep(0.05)
            writer.write(b"x")

    async def read(transport: AiohttpTransport, url: str) -> bytes:
        async with transport.stream(Request("GET", url, {}), 0.25) as download:
            return b"".join([piece async for piece in download.pieces])

    async with serving(slow) as (base, _), aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=1)) as own:
        transport = AiohttpTransport(http_session=own)
        bodies = await asyncio.gather(*(read(transport, base) for _ in range(2)))

    assert bodies == [b"x" * 10] * 2


async def test_trace_configs_reach_aiohttp() -> None:
    """The tracing of aiohttp, and with it its OpenTelemetry instrumentation, sees the requests."""
    seen: List[str] = []
    trace = aiohttp.TraceConfig()

    async def on_end(_: Any, __: Any, params: aiohttp.TraceRequestEndParams) -> None:
        seen.append(f"{params.method} {params.url.path} {params.response.status}")

    trace.on_request_end.append(on_end)
    async with serving(well) as (base, _), client_for(base, trace_configs=[trace]) as client:
        await client.videos.get("batch_1")

    assert seen == ["GET /videos/batch_1 200"]


async def test_canned_answers_work_with_aioresponses() -> None:
    """The usual aiohttp mock stands in for the network."""
    with aioresponses() as canned:
        payload = {"templates": [{"id": "t", "credits_per_video": 2}]}
        canned.get("https://api.getbluma.com/api/v1/templates", payload=payload, response_class=CannedResponse)
        async with AsyncBluma("bluma_test_key") as client:
            templates = await client.templates.list()

    assert [(template.id, template.base_cost) for template in templates] == [("t", 2)]
