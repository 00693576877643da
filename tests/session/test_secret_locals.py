"""The API key is in no local variable that a traceback reaches: error reporters store them."""

from __future__ import annotations

import asyncio
import gzip
import json
from typing import Any, Awaitable, Callable, Dict, List, Mapping

import pytest

from bluma_async import AsyncBluma, AsyncLuma, errors
from bluma_sync import Bluma
from tests.hostile.raw_server import Exchange, RawServer, Script, answer, reply
from tests.tracebacks import find_shown

KEY = "bluma_test_0123456789abcdef"
ECHO = b'{"error": {"type": "x", "detail": "Bearer %s", "metadata": {"k": "%s"}}}' % (KEY.encode(), KEY.encode())
CUT = b"HTTP/1.1 200 OK\r\nX-Echo: %s\r\nContent-Length: 1000\r\n\r\n{" % KEY.encode()

FAULTS: Mapping[str, Script] = {
    "400": answer(reply(ECHO, b"400 Bad Request", b"X-Echo: " + KEY.encode())),
    "404": answer(reply(b"", b"404 Not Found")),
    "429": answer(reply(ECHO, b"429 Too Many Requests", b"Retry-After: 60")),
    "500": answer(reply(ECHO, b"500 Internal Server Error")),
    "not json": answer(reply(b"<pre>" + KEY.encode())),
    "wrong json": answer(reply(b'{"id": 5, "status": [], "echo": "%s"}' % KEY.encode())),
    "closed": answer(b"", "close"),
    "reset": answer(b"", "reset"),
    "cut body": answer(CUT, "close"),
    "reset body": answer(CUT, "reset"),
    "silent": answer(b"", "silent"),
    "silent body": answer(CUT, "silent"),
    "no http": answer(b"%s\r\n\r\n" % KEY.encode(), "close"),
    "bad header": answer(b"HTTP/1.1 200 OK\r\n%s\r\n\r\n" % KEY.encode(), "close"),
    "bad chunk": answer(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%s\r\n" % KEY.encode(), "close"),
    "bad gzip": answer(reply(gzip.compress(ECHO)[:-9], b"200 OK", b"Content-Encoding: gzip")),
    "redirects": answer(reply(b"", b"302 Found", b"Location: /again")),
    "bad redirect": answer(reply(b"", b"302 Found", b"Location: http://[bad")),
}
READS: Mapping[str, Callable[[Any], Any]] = {
    "get": lambda client: client.videos.get("batch_1"),
    "list": lambda client: client.videos.list(),
    "save": lambda client: client.videos.save("batch_1", "clip.mp4"),
    "wait": lambda client: client.videos.wait_for("batch_1", timeout=0),
}
CHANGES: Mapping[str, Callable[[Any], Any]] = {
    "create": lambda client: client.videos.create(template_id="t", context={"prompt": "x"}),
    "upload": lambda client: client.assets.upload([b"1234"]),
    "upload_file": lambda client: client.assets.upload_file(b"1234", name="x.bin"),
    "delete": lambda client: client.collections.delete("c"),
    "rename": lambda client: client.collections.create("x"),
}
CALLS = {**READS, **CHANGES}
LUMA: Mapping[str, Callable[[Any], Any]] = {
    "kie": lambda client: client.modifications.create("x", video_url="https://example.com/x.mp4"),
    "umami": lambda client: client.generations.create("x"),
    "vapi": lambda client: client.generations.get("a"),
}


async def call_quickly(base_url: str, call: Callable[[Any], Awaitable[Any]]) -> None:
    """Make a call that does not wait."""
    options: Any = {"max_retries": 1, "retry_delay": 0, "settle_time": 0, "timeout": 0.1}
    async with AsyncBluma(KEY, base_url=base_url, **options) as client:
        await call(client)


async def find_leaks(call: Awaitable[Any]) -> List[str]:
    """Return the places at which the error of a call shows the key; a call may also succeed."""
    try:
        await call
    except errors.BlumaError as error:
        return find_shown(error, KEY)
    return []


def find_blocking_leaks(call: Callable[[Any], Any], client: Bluma) -> List[str]:
    """Return the places at which the error of a blocking call shows the key; a call may also succeed."""
    try:
        call(client)
    except errors.BlumaError as error:
        return find_shown(error, KEY)
    return []


@pytest.mark.parametrize("fault", FAULTS)
async def test_no_traceback_of_a_failed_call_shows_the_key(fault: str, monkeypatch: Any, tmp_path: Any) -> None:
    """Whatever the server does to a call, also if it sends the key back."""
    monkeypatch.chdir(tmp_path)

    with RawServer(FAULTS[fault]) as server:
        shown = {name: await find_leaks(call_quickly(server.base_url, call)) for name, call in CALLS.items()}

    assert [place for places in shown.values() for place in places] == []


@pytest.mark.parametrize("fault", ["404", "400", "closed", "silent", "cut body", "redirects"])
def test_no_traceback_of_a_failed_blocking_call_shows_the_key(fault: str, monkeypatch: Any, tmp_path: Any) -> None:
    """The blocking twin raises the same errors in the caller's thread."""
    monkeypatch.chdir(tmp_path)
    options: Any = {"max_retries": 0, "settle_time": 0, "timeout": 0.1}

    with RawServer(FAULTS[fault]) as server, Bluma(KEY, base_url=server.base_url, **options) as client:
        shown = {name: find_blocking_leaks(call, client) for name, call in CALLS.items()}

    assert [place for places in shown.values() for place in places] == []


@pytest.mark.parametrize("fault", ["404", "closed", "silent", "bad redirect"])
@pytest.mark.parametrize("name", ["save", "upload_file"])
async def test_no_traceback_of_a_failed_transfer_shows_the_key(
    fault: str, name: str, monkeypatch: Any, tmp_path: Any
) -> None:
    """The host of a signed link fails, after the API has answered."""
    monkeypatch.chdir(tmp_path)

    async def script(exchange: Exchange) -> None:
        link = f"{server.base_url}/file"
        described = {"id": "batch_1", "status": "completed"}
        signed = json.dumps({**described, "download_url": link, "upload_url": link, "asset_id": "a"}).encode()
        await (FAULTS[fault] if exchange.line.endswith("/file") else answer(reply(signed)))(exchange)

    with RawServer(script) as server, pytest.raises(errors.BlumaError) as caught:
        await call_quickly(server.base_url, CALLS[name])

    assert any(line.endswith("/file") for line in server.lines)
    assert find_shown(caught.value, KEY) == []


@pytest.mark.parametrize("fault", FAULTS)
async def test_no_traceback_of_a_luma_provider_shows_the_key(fault: str) -> None:
    """The Luma providers have decoders of their own."""
    shown: Dict[str, List[str]] = {}

    with RawServer(FAULTS[fault]) as server:
        for provider, call in LUMA.items():
            options: Any = {"max_retries": 0, "timeout": 0.2}
            async with AsyncLuma(provider, KEY, server.base_url, **options) as client:  # type: ignore[arg-type]  # a name
                shown[provider] = await find_leaks(call(client))

    assert [place for places in shown.values() for place in places] == []


@pytest.mark.parametrize("name", CALLS)
async def test_no_traceback_of_a_refused_connection_shows_the_key(name: str, monkeypatch: Any, tmp_path: Any) -> None:
    """The key is not in the local variables of an error that was raised before anything was sent."""
    monkeypatch.chdir(tmp_path)

    with pytest.raises(errors.BlumaError) as caught:
        await call_quickly("http://127.0.0.1:1", CALLS[name])

    assert find_shown(caught.value, KEY) == []


@pytest.mark.parametrize("data", [b"", CUT])
async def test_no_traceback_of_a_cancelled_call_shows_the_key(data: bytes) -> None:
    """A program may report cancellations too."""
    with RawServer(answer(data, "silent")) as server:
        task = asyncio.ensure_future(call_quickly(server.base_url, CALLS["get"]))
        while not server.exchanges:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await task

    assert find_shown(caught.value, KEY) == []


async def test_the_users_own_headers_are_in_no_repr() -> None:
    """A header of the user's can be a secret, such as the key of a gateway."""
    client = AsyncBluma(KEY, base_url="http://127.0.0.1:1", default_headers={"X-Gateway": "key-of-gateway"})

    with pytest.raises(errors.NetworkError) as caught:
        await client.with_options(max_retries=0).videos.get("batch_1")

    assert find_shown(caught.value, "key-of-gateway") == []
    assert "key-of-gateway" not in repr(client._session.options)
    await client.aclose()
