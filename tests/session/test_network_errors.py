"""Servers that break the connection or the protocol: the error says whether the request may have been acted on."""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import Any, List

import aiohttp
import pytest

from bluma_async import errors
from bluma_async._session.transport import AiohttpTransport
from bluma_async._wire.messages import Request
from tests.servers import client_for, serving


async def test_a_refused_connection_was_certainly_not_sent() -> None:
    """Without a listener the server never saw the request, and the error says so."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    async with client_for(f"http://127.0.0.1:{port}") as client:
        with pytest.raises(errors.NetworkError, match="The server never saw it") as caught:
            await client.videos.get("batch_1")

    assert not caught.value.request_sent
    assert caught.value.status == 503
    assert "ssl" not in str(caught.value)  # aiohttp's own text names certificates, also for plain HTTP


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{",
        b"garbage\r\n\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
async def test_half_an_answer_and_garbage_are_network_errors(answer: bytes) -> None:
    """Cuts, half bodies and broken HTTP raise a NetworkError."""

    async def broken(_: Any, writer: asyncio.StreamWriter, __: bytes) -> None:
        writer.write(answer)
        await writer.drain()
        writer.close()

    async with serving(broken) as (base, _), client_for(base) as client:
        with pytest.raises(errors.NetworkError) as caught:
            await client.videos.get("batch_1")

    assert "bluma_test_key" not in str(caught.value) + repr(caught.value.__cause__)


@pytest.mark.parametrize("sends_body", [True, False])
async def test_a_body_that_did_not_go_out_is_known_not_to_have(sends_body: bool) -> None:
    """A cut after the body leaves the outcome uncertain; a refused connection does not."""

    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: bytes) -> None:
        await reader.read(10)
        writer.close()

    async with serving(cut) as (base, _), client_for(base if sends_body else "http://127.0.0.1:1") as client:
        with pytest.raises(errors.NetworkError) as caught:
            await client.collections.create("x")

    assert caught.value.request_sent is sends_body


class Nowhere(aiohttp.TCPConnector):
    """Opens no connection, like a host that drops every packet."""

    async def connect(self, *_: Any, **__: Any) -> Any:
        await asyncio.Event().wait()


@pytest.mark.parametrize("size", [10, 2**20, 2**22])
async def test_a_create_without_a_connection_was_not_sent(size: int) -> None:
    """A body of any size knows whether any of it was written: nothing is in doubt, and nothing is searched for."""
    options: Any = {"timeout": 0.05, "validate": "never"}
    async with aiohttp.ClientSession(connector=Nowhere()) as session, client_for(
        "http://api.test", http_session=session, **options
    ) as client:
        with pytest.raises(errors.RequestTimeoutError) as caught:
            await client.videos.create({"prompt": "x" * size}, "t")

        assert client.open_creates == []
    assert not caught.value.request_sent


@pytest.mark.parametrize("size", [10, 2**20, 2**22])
async def test_a_body_of_any_size_can_be_stopped_before_it_is_sent(size: int) -> None:
    """A process that was stopped for too long sends nothing of a create, however large it is."""
    received: List[bytes] = []

    async def read(reader: asyncio.StreamReader, _: Any, __: bytes) -> None:
        received.append(await reader.read())

    async with serving(read) as (base, _):
        transport = AiohttpTransport()
        with pytest.raises(errors.NetworkError, match="stopped for too long") as caught:
            await transport.send(Request("POST", base, {}, body=b"x" * size, may_send=lambda: False), 10)
        await transport.close()

    assert not caught.value.request_sent
    assert received in ([], [b""])


async def test_a_server_that_speaks_no_tls_is_refused() -> None:
    """TLS is checked with the user's own context, and the request is not sent."""

    async def no_tls(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"no TLS here\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(no_tls, "127.0.0.1", 0)
    base = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with client_for(base, ssl_context=ssl.create_default_context()) as client:
        with pytest.raises(errors.NetworkError) as caught:
            await client.videos.get("batch_1")
    server.close()

    assert not caught.value.request_sent
