"""Answers with wrong lengths, broken chunks, floods of headers, informational answers and odd encodings."""

from __future__ import annotations

from typing import Any, Mapping

import pytest

from bluma_async import AsyncBluma, errors
from bluma_async.types import Video
from tests.hostile.account import Account, answering, check_create, client_of, create
from tests.hostile.raw_server import Exchange, Script

# These end by the timeout.
SLOW = {
    "a length that is too long",
    "chunked, but not last",
    "an unknown transfer encoding",
    "a chunk with a long extension",
    "endless headers",
    "endless 1xx",
    "a flood without an end",
}


def build(head: bytes, body: bytes) -> bytes:
    """Return an answer with this head, in which BODY and SIZE stand for the body and its size."""
    return (
        head.replace(b"SIZE+", b"%d" % (len(body) + 50))
        .replace(b"SIZE-", b"%d" % (len(body) - 30))
        .replace(b"SIZE", b"%d" % len(body))
        .replace(b"BODY", body)
    )


OK = b"HTTP/1.1 202 Accepted\r\n"
ANSWERS: Mapping[str, bytes] = {
    "a length that is too long": OK + b"Content-Length: SIZE+\r\n\r\nBODY",
    "a length that is too short": OK + b"Content-Length: SIZE-\r\n\r\nBODY",
    "a negative length": OK + b"Content-Length: -5\r\n\r\nBODY",
    "a length of zero": OK + b"Content-Length: 0\r\n\r\nBODY",
    "two equal lengths": OK + b"Content-Length: SIZE\r\nContent-Length: SIZE\r\n\r\nBODY",
    "two lengths": OK + b"Content-Length: SIZE\r\nContent-Length: 5\r\n\r\nBODY",
    "a list of lengths": OK + b"Content-Length: SIZE, 5\r\n\r\nBODY",
    "a length with a sign": OK + b"Content-Length: +SIZE\r\n\r\nBODY",
    "a length in hexadecimal": OK + b"Content-Length: 0xff\r\n\r\nBODY",
    "a length beyond all numbers": OK + b"Content-Length: " + b"9" * 400 + b"\r\n\r\nBODY",
    "a length and chunks": OK + b"Content-Length: SIZE\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nBODY",
    "an unknown transfer encoding": OK + b"Transfer-Encoding: gzip, chunked\r\n\r\nBODY",
    "chunked, but not last": OK + b"Transfer-Encoding: chunked, identity\r\n\r\nBODY",
    "chunks of a negative size": OK + b"Transfer-Encoding: chunked\r\n\r\n-1\r\nBODY\r\n0\r\n\r\n",
    "chunks beyond all sizes": OK + b"Transfer-Encoding: chunked\r\n\r\n" + b"f" * 40 + b"\r\nBODY\r\n0\r\n\r\n",
    "chunks without sizes": OK + b"Transfer-Encoding: chunked\r\n\r\nBODY\r\n0\r\n\r\n",
    "a chunk that is too short": OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nBODY\r\n0\r\n\r\n",
    "a chunk with a long extension": OK + b"Transfer-Encoding: chunked\r\n\r\n1;" + b"x" * 100_000 + b"\r\n{\r\n",
    "no status": b"HTTP/1.1\r\n\r\nBODY",
    "a status of two digits": b"HTTP/1.1 20 OK\r\nContent-Length: SIZE\r\n\r\nBODY",
    "a status of four digits": b"HTTP/1.1 2020 OK\r\nContent-Length: SIZE\r\n\r\nBODY",
    "status 999": b"HTTP/1.1 999 X\r\nContent-Length: SIZE\r\n\r\nBODY",
    "status 000": b"HTTP/1.1 000 X\r\nContent-Length: SIZE\r\n\r\nBODY",
    "status 204 with a body": b"HTTP/1.1 204 No Content\r\nContent-Length: SIZE\r\n\r\nBODY",
    "status 304": b"HTTP/1.1 304 Not Modified\r\nContent-Length: SIZE\r\n\r\nBODY",
    "status 101": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nBODY",
    "HTTP/0.9": b"BODY",
    "HTTP/2": b"HTTP/2 200\r\nContent-Length: SIZE\r\n\r\nBODY",
    "HTTP/9.9": b"HTTP/9.9 200 OK\r\nContent-Length: SIZE\r\n\r\nBODY",
    "a TLS alert": b"\x15\x03\x03\x00\x02\x02\x28",
    "a header without a colon": OK + b"X\r\nContent-Length: SIZE\r\n\r\nBODY",
    "a header with NUL": OK + b"X: \0\r\nContent-Length: SIZE\r\n\r\nBODY",
    "a header that is not UTF-8": OK + b"X: \xff\xfe\r\nContent-Length: SIZE\r\n\r\nBODY",
    "a folded header": OK + b"X: a\r\n b\r\nContent-Length: SIZE\r\n\r\nBODY",
    "line feeds alone": OK.replace(b"\r", b"") + b"Content-Length: SIZE\n\nBODY",
    "ten thousand headers": OK
    + b"".join(b"X-%d: y\r\n" % n for n in range(10_000))
    + b"Content-Length: SIZE\r\n\r\nBODY",
    "a header of a megabyte": OK + b"X: " + b"y" * 2**20 + b"\r\nContent-Length: SIZE\r\n\r\nBODY",
    "a reason of a megabyte": b"HTTP/1.1 200 " + b"y" * 2**20 + b"\r\nContent-Length: SIZE\r\n\r\nBODY",
    "a thousand 1xx": b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" * 1000 + OK + b"Content-Length: SIZE\r\n\r\nBODY",
    "a 100 before the answer": b"HTTP/1.1 100 Continue\r\n\r\n" + OK + b"Content-Length: SIZE\r\n\r\nBODY",
    "two answers": (OK + b"Content-Length: SIZE\r\n\r\nBODY") * 2,
    "an answer and garbage": OK + b"Content-Length: SIZE\r\n\r\nBODY\0\0\0",
    "a charset that does not exist": OK + b"Content-Type: text/x; charset=none\r\nContent-Length: SIZE\r\n\r\nBODY",
    "a cookie": OK + b"Set-Cookie: a=b; expires=x; Domain=\xff\r\nContent-Length: SIZE\r\n\r\nBODY",
    "a date of nonsense": OK + b"Date: 99\r\nX-RateLimit-Remaining: x\r\nContent-Length: SIZE\r\n\r\nBODY",
    "a redirect without a location": b"HTTP/1.1 302 Found\r\nContent-Length: SIZE\r\n\r\nBODY",
    "a redirect to nowhere": b"HTTP/1.1 302 Found\r\nLocation: //\r\nContent-Length: 0\r\n\r\n",
}
BODIES: Mapping[str, Any] = {
    "UTF-16": lambda body: body.decode().encode("utf-16"),
    "UTF-8 with a BOM": lambda body: b"\xef\xbb\xbf" + body,
    "Latin-1": lambda body: body.replace(b"queued", b"\xfc"),
    "NUL": lambda body: body + b"\0",
    "two documents": lambda body: body + body,
    "a list": lambda body: b"[" + body + b"]",
    "a string": lambda _: b'"batch_1"',
    "nothing": lambda _: b"",
    "HTML": lambda _: b"<html>",
    "an abyss": lambda _: b"[" * 100_000,
    "a long number": lambda _: b"9" * 100_000,
    "no id": lambda body: body.replace(b'"id"', b'"di"'),
}


async def flood(exchange: Exchange, piece: bytes) -> None:
    """Send a head, and a piece of it again and again."""
    while not exchange.writer.is_closing():
        await exchange.send(piece * 100)
        await exchange.sleep(0.001)


async def flood_headers(exchange: Exchange) -> None:
    """Send headers without an end."""
    await exchange.send(OK)
    await flood(exchange, b"X: y\r\n")


async def flood_informational(exchange: Exchange) -> None:
    """Send informational answers without an end."""
    await flood(exchange, b"HTTP/1.1 102 Processing\r\n\r\n")


async def flood_garbage(exchange: Exchange) -> None:
    """Send letters without an end."""
    await flood(exchange, b"x")


FLOODS: Mapping[str, Script] = {
    "endless headers": flood_headers,
    "endless 1xx": flood_informational,
    "a flood without an end": flood_garbage,
}


def make_script(account: Account, name: str) -> Script:
    """Return the script with this name."""

    async def script(exchange: Exchange) -> None:
        body = account.answer(exchange).partition(b"\r\n\r\n")[2]
        if name in ANSWERS:
            await exchange.send(build(ANSWERS[name], body))
        else:
            body = BODIES[name](body)
            await exchange.send(build(OK + b"Content-Length: SIZE\r\n\r\nBODY", body))
        if name in SLOW:
            await exchange.sleep()

    return FLOODS.get(name, script)


async def read(client: AsyncBluma, name: str) -> Any:
    """Read a video; return it, or the error."""
    try:
        return await client.videos.get(name)
    except errors.BlumaError as error:
        return error


@pytest.mark.parametrize("name", [*ANSWERS, *BODIES, *FLOODS])
async def test_a_hostile_answer_harms_no_call(name: str) -> None:
    """A read ends with its own video or an error of the SDK, a create is billed once, and the next calls are right."""
    with answering() as (server, account):
        account.script = make_script(account, name)
        async with client_of(server, timeout=10) as client:
            hostile = client.with_options(timeout=0.3 if name in SLOW else 10)
            first = await read(hostile.with_options(max_retries=0), "batch_1")
            created = await create(hostile, "bluma_test_a")
            account.script = None
            second = await read(client, "batch_2")
            third = await create(client, "bluma_test_b")

    assert not isinstance(first, Video) or first.id == "batch_1"
    check_create(created, account, "bluma_test_a")
    assert second.id == "batch_2"
    assert isinstance(third, Video)
    check_create(third, account, "bluma_test_b")
