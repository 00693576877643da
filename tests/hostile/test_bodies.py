"""Bodies that are packed, huge or broken: what the client holds of them is bounded, and a create stays certain."""

from __future__ import annotations

import gzip
import json
import tracemalloc
import zlib
from typing import Any, Mapping

import pytest

from bluma_async import AsyncBluma, AsyncLuma, errors
from bluma_async._session.bodies import MAX_ANSWER
from tests.hostile.raw_server import Exchange, RawServer, Script, answer, reply

VIDEO = b'{"id": "batch_1", "status": "queued", "template_id": "t", "created_at": "2025-11-03T10:30:00Z"}'
HUGE = b" " * (MAX_ANSWER + 1)
RAW = zlib.compressobj(wbits=-zlib.MAX_WBITS)
PACKED: Mapping[str, bytes] = {
    "gzip": gzip.compress(VIDEO),
    "X-GZIP": gzip.compress(VIDEO),
    "deflate": zlib.compress(VIDEO),
    "deflate ": RAW.compress(VIDEO) + RAW.flush(),
    "identity": VIDEO,
}


def pack_bomb(header: int) -> bytes:
    """Return a body that grows to four times the limit."""
    engine = zlib.compressobj(1, wbits=header)
    return b"".join([engine.compress(b" " * 2**20) for _ in range(4 * MAX_ANSWER >> 20)] + [engine.flush()])


async def send_without_end(exchange: Exchange) -> None:
    """Send a chunked body that never ends."""
    await exchange.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    chunk = b"%x\r\n%s\r\n" % (2**20, b" " * 2**20)
    while not exchange.writer.is_closing():
        await exchange.send(chunk)
        await exchange.sleep(0)


UNUSABLE: Mapping[str, Script] = {
    "a gzip bomb": answer(reply(pack_bomb(zlib.MAX_WBITS | 16), b"200 OK", b"Content-Encoding: gzip")),
    "a deflate bomb": answer(reply(pack_bomb(zlib.MAX_WBITS), b"200 OK", b"Content-Encoding: deflate")),
    "a huge body": answer(reply(HUGE)),
    "an endless body": send_without_end,
    "broken gzip": answer(reply(gzip.compress(VIDEO)[:-9], b"200 OK", b"Content-Encoding: gzip")),
    "no gzip": answer(reply(VIDEO, b"200 OK", b"Content-Encoding: gzip")),
    "brotli": answer(reply(b"\x8b\x03\x80{}\x03", b"200 OK", b"Content-Encoding: br")),
    "twice packed": answer(reply(gzip.compress(VIDEO), b"200 OK", b"Content-Encoding: gzip, gzip")),
}


def client_of(server: RawServer, **options: Any) -> AsyncBluma:
    """Return a client that never retries."""
    return AsyncBluma("bluma_test_key", base_url=server.base_url, max_retries=0, settle_time=0, **options)


@pytest.mark.parametrize("coding", PACKED)
async def test_packed_answers_are_read(coding: str) -> None:
    """The codings that are asked for, in the spellings that servers use."""
    packed = reply(PACKED[coding], b"200 OK", b"Content-Encoding: " + coding.encode())
    with RawServer(answer(packed)) as server:
        async with client_of(server) as client:
            assert (await client.videos.get("batch_1")).id == "batch_1"

    assert b"Accept-Encoding: gzip, deflate\r\n" in server.exchanges[0].head


@pytest.mark.parametrize("name", UNUSABLE)
async def test_an_unusable_body_is_an_unreadable_answer(name: str) -> None:
    """A read raises a ServerError, and a create that was answered so is accepted: it is never sent again."""

    async def script(exchange: Exchange) -> None:
        empty = reply(b'{"videos": [], "pagination": {"total": 0}}')
        await (answer(empty) if exchange.line.startswith("GET /videos?") else UNUSABLE[name])(exchange)

    with RawServer(script) as server:
        async with client_of(server) as client:
            with pytest.raises(errors.ServerError, match="200 OK, but its body ") as read:
                await client.videos.get("batch_1")
            with pytest.raises(errors.AmbiguousCreateError) as create:
                await client.with_options(max_retries=3, retry_delay=0).videos.create({"prompt": "x"}, "t")

    assert (read.value.status, read.value.http_status) == (502, 200)
    assert create.value.accepted
    assert server.lines.count("POST /videos") == 1


@pytest.mark.parametrize("name", UNUSABLE)
async def test_an_unusable_body_of_luma_is_an_accepted_create(name: str) -> None:
    """A generation that was answered so is billed: no option sends it again, and the error names the flaw."""
    options: Any = {"retry_delay": 0.0, "on_ambiguous": "retry"}
    with RawServer(UNUSABLE[name]) as server:
        async with AsyncLuma("umami", "secret_key", server.base_url, **options) as luma:
            with pytest.raises(errors.AmbiguousCreateError, match="The server answered 200, but its body ") as create:
                await luma.generations.create("x")

    assert create.value.accepted
    assert "cannot be read (ValueError)" not in str(create.value)
    assert len(server.exchanges) == 1


@pytest.mark.parametrize("name", ["a gzip bomb", "a deflate bomb", "an endless body"])
async def test_the_memory_for_an_answer_is_bounded(name: str) -> None:
    """A bomb is given up at the limit: the memory holds the body twice, while its pieces are joined."""
    with RawServer(UNUSABLE[name]) as server:
        async with client_of(server) as client:
            tracemalloc.start()
            with pytest.raises(errors.ServerError, match=f"more than {MAX_ANSWER >> 20} MiB"):
                await client.videos.get("batch_1")
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()

    assert peak < 3 * MAX_ANSWER


async def test_an_error_with_an_unusable_body_keeps_its_status() -> None:
    """A 404 whose body cannot be unpacked is a NotFoundError."""
    with RawServer(answer(reply(b"?", b"404 Not Found", b"Content-Encoding: br"))) as server:
        async with client_of(server) as client:
            with pytest.raises(errors.NotFoundError, match="did not explain"):
                await client.videos.get("batch_1")


async def test_a_create_whose_answer_breaks_off_after_its_head_is_accepted() -> None:
    """The status says that it was accepted: it is not sent again, although the list does not show its video yet."""

    async def script(exchange: Exchange) -> None:
        if exchange.line.startswith("GET"):
            await exchange.send(reply(b'{"videos": [], "pagination": {"total": 0}}'))
        else:
            await exchange.send(b"HTTP/1.1 202 Accepted\r\nContent-Length: 100\r\n\r\n{")
            exchange.close()

    with RawServer(script) as server:
        async with client_of(server) as client:
            with pytest.raises(errors.AmbiguousCreateError) as caught:
                await client.with_options(max_retries=3, retry_delay=0).videos.create({"prompt": "x"}, "t")

    assert caught.value.accepted
    assert server.lines.count("POST /videos") == 1


LINKS = ["http://[", "http://h:99999/", "http://h/\ud800", "http://h/\r\nX: y", "ftp://h/x", "/relative", "", "http://"]


@pytest.mark.parametrize("link", LINKS)
async def test_a_link_that_nothing_can_be_sent_to_is_a_network_error(
    link: str, tmp_path: Any, monkeypatch: Any
) -> None:
    """The server sends the links of uploads; the error says that nothing was sent to it."""
    monkeypatch.chdir(tmp_path)
    signed = reply(json.dumps({"upload_url": link, "asset_id": "a"}).encode())
    with RawServer(answer(signed)) as server:
        async with client_of(server) as client:
            with pytest.raises(errors.NetworkError) as upload:
                await client.assets.upload_file(b"1234", name="x.bin")

    assert "The server never saw it" in str(upload.value)
    assert not upload.value.request_sent
