"""Real sockets: what the transport makes of servers that behave, and of servers that do not."""

from __future__ import annotations

import asyncio
import gzip
import inspect
import socket
import ssl
import time
from typing import Any, List
from unittest.mock import Mock

import aiohttp
import pytest
from aioresponses import aioresponses

from bluma_async import AsyncBluma, errors
from tests.servers import OK, reply, serving, well


class CannedResponse(aiohttp.ClientResponse):
    """What newer releases of aiohttp want of a response, and aioresponses does not give yet."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if "stream_writer" in inspect.signature(aiohttp.ClientResponse.__init__).parameters:
            kwargs["stream_writer"] = Mock(output_size=0)
        super().__init__(*args, **kwargs)


def client_of(base: str, **options: Any) -> AsyncBluma:
    """Return a client that tries once."""
    return AsyncBluma("bluma_test_key", base_url=base, max_retries=0, **options)


async def test_an_answer_comes_whole() -> None:
    """A request goes out under the base URL, with the key, and comes back as a model."""
    async with serving(well) as (base, heads), client_of(base + "/api/v1/") as client:
        video = await client.videos.get("batch_1")

    assert video.id == "batch_1"
    assert heads[0].startswith(b"GET /api/v1/videos/batch_1 HTTP/1.1\r\n")
    assert b"\r\nAuthorization: Bearer bluma_test_key\r\n" in heads[0]
    assert heads[0].count(b"User-Agent") == 1


async def test_a_silent_server_is_cut_at_the_timeout() -> None:
    """A server that never answers costs `timeout`, and is a TimeoutError."""

    async def silent(*_: Any) -> None:
        await asyncio.Event().wait()

    async with serving(silent) as (base, _), client_of(base, timeout=0.05) as client:
        with pytest.raises(errors.RequestTimeoutError, match=r"no full answer within 0\.05 s") as caught:
            await client.videos.get("batch_1")

    assert isinstance(caught.value, TimeoutError)
    assert caught.value.request_sent


async def test_a_trickling_server_is_cut_at_the_timeout() -> None:
    """A byte now and then does not keep an attempt alive."""

    async def trickle(_: Any, writer: asyncio.StreamWriter, __: bytes) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while not writer.is_closing():
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.005)

    async with serving(trickle) as (base, _), client_of(base, timeout=0.1) as client:
        began = time.monotonic()
        with pytest.raises(errors.RequestTimeoutError):
            await client.videos.get("batch_1")

    assert time.monotonic() - began < 5


async def test_the_deadline_holds_over_all_attempts() -> None:
    """Retries and their timeouts together end at `deadline`."""

    async def silent(*_: Any) -> None:
        await asyncio.Event().wait()

    async with serving(silent) as (base, heads):
        client = AsyncBluma("bluma_test_key", base_url=base, timeout=0.1, deadline=0.25, max_retries=50, retry_delay=0)
        async with client:
            with pytest.raises(errors.RequestTimeoutError) as caught:
                await client.videos.get("batch_1")

    assert 2 <= caught.value.attempts <= 4
    assert len(heads) <= 3


async def test_a_refused_connection_was_certainly_not_sent() -> None:
    """Nobody listens: the server never saw the request, and the error says so."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    async with client_of(f"http://127.0.0.1:{port}") as client:
        with pytest.raises(errors.NetworkError, match="The server never saw it") as caught:
            await client.videos.get("batch_1")

    assert not caught.value.request_sent
    assert caught.value.status == 503


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{",
        b"garbage\r\n\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nzzzz",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: ftp://x/\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: http://[bad\r\nContent-Length: 0\r\n\r\n",
    ],
)
async def test_half_an_answer_and_garbage_are_network_errors(answer: bytes) -> None:
    """Cuts, half bodies, broken HTTP, broken compression and absurd redirects: one kind of error."""

    async def broken(_: Any, writer: asyncio.StreamWriter, __: bytes) -> None:
        writer.write(answer)
        await writer.drain()
        writer.close()

    async with serving(broken) as (base, _), client_of(base) as client:
        with pytest.raises(errors.NetworkError) as caught:
            await client.videos.get("batch_1")

    assert "bluma_test_key" not in str(caught.value) + repr(caught.value.__cause__)


async def test_compressed_answers_are_read() -> None:
    """What the server compresses is decompressed."""
    body = gzip.compress(OK)

    async def packed(_: Any, writer: asyncio.StreamWriter, __: bytes) -> None:
        writer.write(reply(body, b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n"))
        await writer.drain()

    async with serving(packed) as (base, _), client_of(base) as client:
        assert (await client.videos.get("batch_1")).id == "batch_1"


async def test_a_redirect_elsewhere_does_not_take_the_key_along() -> None:
    """Another origin is another party: it never sees the key; the same origin does."""
    async with serving(well) as (other, heads):

        async def moved(_: Any, writer: asyncio.StreamWriter, head: bytes) -> None:
            target = b"/there" if b"/here" in head else other.encode() + b"/elsewhere"
            if b"/there" in head:
                writer.write(reply())
            else:
                writer.write(b"HTTP/1.1 302 Found\r\nLocation: " + target + b"\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()

        async with serving(moved) as (base, own), client_of(base) as client:
            await client.videos.get("batch_1")
            await client.with_options(base_url=base + "/here").videos.get("batch_1")

    assert heads[0].startswith(b"GET /elsewhere")
    assert b"Authorization" not in heads[0]
    assert own[2].startswith(b"GET /there")
    assert b"Authorization: Bearer bluma_test_key" in own[2]


async def test_a_redirected_change_is_not_sent_again() -> None:
    """A create that is told to go elsewhere is an error, not a second request with another meaning."""

    async def moved(_: Any, writer: asyncio.StreamWriter, __: bytes) -> None:
        writer.write(b"HTTP/1.1 307 Temporary Redirect\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()

    async with serving(moved) as (base, heads), client_of(base) as client:
        with pytest.raises(errors.APIError) as caught:
            await client.collections.create("x")

    assert caught.value.status == 307
    assert len(heads) == 1


@pytest.mark.parametrize("sends_body", [True, False])
async def test_a_body_that_did_not_go_out_is_known_not_to_have(sends_body: bool) -> None:
    """A cut after the body is uncertain; a refused connection is not."""

    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: bytes) -> None:
        await reader.read(10)
        writer.close()

    async with serving(cut) as (base, _), client_of(base if sends_body else "http://127.0.0.1:1") as client:
        with pytest.raises(errors.NetworkError) as caught:
            await client.collections.create("x")

    assert caught.value.request_sent is sends_body


async def test_a_body_larger_than_a_megabyte_is_sent() -> None:
    """Large contexts go out without a warning."""
    sizes: List[int] = []

    async def count(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: bytes) -> None:
        length = int(next(line for line in head.split(b"\r\n") if line.startswith(b"Content-Length")).split(b":")[1])
        sizes.append(len(await reader.readexactly(length)))
        writer.write(reply(b'{"id": "c"}'))
        await writer.drain()

    async with serving(count) as (base, _), client_of(base) as client:
        await client.collections.create("x" * 2**21)

    assert sizes[0] > 2**21


async def test_ten_thousand_calls_at_once_are_a_queue() -> None:
    """Waiting for a connection is not counted against the timeout, and no more are opened than allowed."""
    open_now, most = 0, 0

    async def slow(_: Any, writer: asyncio.StreamWriter, __: bytes) -> None:
        nonlocal open_now, most
        open_now += 1
        most = max(most, open_now)
        await asyncio.sleep(0)
        writer.write(reply())
        await writer.drain()
        open_now -= 1

    async with serving(slow) as (base, heads), client_of(base, connection_limit=3, timeout=5) as client:
        await asyncio.gather(*(client.videos.get("batch_1") for _ in range(300)))

    assert len(heads) == 300
    assert most <= 3


async def test_the_deadline_ends_the_wait_for_a_connection() -> None:
    """A call that gets no connection within its deadline says that it was not sent."""

    async def silent(*_: Any) -> None:
        await asyncio.Event().wait()

    async with serving(silent) as (base, heads), client_of(base, connection_limit=1) as client:
        holder = asyncio.ensure_future(client.videos.get("batch_1"))
        while not heads:
            await asyncio.sleep(0)
        with pytest.raises(errors.RequestTimeoutError, match="no connection came free") as caught:
            await client.with_options(deadline=0.05).videos.get("batch_1")
        holder.cancel()
        await asyncio.gather(holder, return_exceptions=True)

    assert not caught.value.request_sent
    assert len(heads) == 1


async def test_a_cancelled_call_lets_go_of_its_connection() -> None:
    """Cancelling ends the request at the socket, and the client goes on."""
    gone = asyncio.Event()

    async def once_silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: bytes) -> None:
        if b"batch_slow" in head:
            assert await reader.read(1) == b""
            gone.set()
        else:
            await well(reader, writer, head)

    async with serving(once_silent) as (base, heads), client_of(base, connection_limit=1) as client:
        slow = asyncio.ensure_future(client.videos.get("batch_slow"))
        while not heads:
            await asyncio.sleep(0)
        slow.cancel()
        with pytest.raises(asyncio.CancelledError):
            await slow
        await gone.wait()
        assert (await client.videos.get("batch_1")).id == "batch_1"


async def test_a_session_of_ones_own_is_used_and_left_open() -> None:
    """The caller's aiohttp session sends the requests, and is never closed."""
    async with serving(well) as (base, _), aiohttp.ClientSession(headers={"X-Mine": "1"}) as own:
        async with client_of(base, http_session=own) as client:
            await client.videos.get("batch_1")
        assert not own.closed


async def test_trace_configs_reach_aiohttp() -> None:
    """Aiohttp's own tracing, and so its OpenTelemetry instrumentation, sees the requests."""
    seen: List[str] = []
    trace = aiohttp.TraceConfig()

    async def on_end(_: Any, __: Any, params: aiohttp.TraceRequestEndParams) -> None:
        seen.append(f"{params.method} {params.url.path} {params.response.status}")

    trace.on_request_end.append(on_end)
    async with serving(well) as (base, _), client_of(base, trace_configs=[trace]) as client:
        await client.videos.get("batch_1")

    assert seen == ["GET /videos/batch_1 200"]


async def test_proxies_come_from_the_argument_or_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy is asked for the whole URL; NO_PROXY and `trust_env=False` go around it."""
    async with serving(well) as (proxy, heads):
        monkeypatch.setenv("HTTP_PROXY", proxy)
        async with client_of("http://api.test/v1") as client:
            await client.videos.get("from_environment")
            await client.videos.get("again")
        async with client_of("http://api.test/v1", proxy=proxy, trust_env=False) as client:
            await client.videos.get("from_argument")
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        async with client_of(proxy) as client:
            await client.videos.get("direct")

    assert [head.split()[1] for head in heads] == [
        b"http://api.test/v1/videos/from_environment",
        b"http://api.test/v1/videos/again",
        b"http://api.test/v1/videos/from_argument",
        b"/videos/direct",
    ]


async def test_netrc_does_not_replace_the_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """Credentials that lie in ~/.netrc for the host are not sent in the place of the key."""
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))

    async with serving(well) as (base, heads), client_of(base) as client:
        await client.videos.get("batch_1")

    assert b"Authorization: Bearer bluma_test_key" in heads[0]


async def test_a_server_that_speaks_no_tls_is_refused() -> None:
    """TLS is asked for and checked, with a context of one's own; the request never went out."""

    async def no_tls(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"no TLS here\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(no_tls, "127.0.0.1", 0)
    base = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with client_of(base, ssl_context=ssl.create_default_context()) as client:
        with pytest.raises(errors.NetworkError) as caught:
            await client.videos.get("batch_1")
    server.close()

    assert not caught.value.request_sent


async def test_canned_answers_work_with_aioresponses() -> None:
    """The usual aiohttp mock stands in for the network."""
    with aioresponses() as canned:
        payload = {"templates": [{"id": "t", "credits_per_video": 2}]}
        canned.get("https://api.getbluma.com/api/v1/templates", payload=payload, response_class=CannedResponse)
        async with AsyncBluma("bluma_test_key") as client:
            templates = await client.templates.list()

    assert [(template.id, template.base_cost) for template in templates] == [("t", 2)]
