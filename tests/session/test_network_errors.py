"""Servers that break the connection or the protocol: the error says whether the request may have been acted on."""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import Any

import pytest

from bluma_async import errors
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
        b"HTTP/1.1 302 Found\r\nLocation: ftp://x/\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: http://[bad\r\nContent-Length: 0\r\n\r\n",
    ],
)
async def test_half_an_answer_and_garbage_are_network_errors(answer: bytes) -> None:
    """Cuts, half bodies, broken HTTP and invalid redirects raise a NetworkError."""

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
