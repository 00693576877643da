"""Closing a client ends its saves and uploads in every stage; what they hold is released, and what arrived is kept."""

from __future__ import annotations

import asyncio
import json
import threading
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, AsyncIterator, Callable, Dict, List, Tuple

import pytest

from bluma_async import AsyncBluma, errors
from bluma_sync import Bluma
from tests.hostile.raw_server import Exchange, RawServer
from tests.hostile.raw_server import reply as raw_reply
from tests.servers import reply, serving
from tests.transfer.boxes import make_mp4
from tests.transfer.hosts import names

CONTENT = make_mp4(b"x" * 3_000_000)
CUT = 2_500_000  # more than the batch that is written at a time, so that `on_progress` is called before it
NEVER = 3600.0
SOON = 5.0  # seconds
PATHS = {
    "size": "GET /videos/batch_1 ",
    "link": "GET /videos/batch_1/download ",
    "head": "GET /file",
    "body": "GET /file",
}
HEAD = b'HTTP/1.1 200 OK\r\nETag: "1"\r\nContent-Type: video/mp4\r\nContent-Length: %d\r\n\r\n' % len(CONTENT)
KEPT = ["x.mp4.part", "x.mp4.part.json"]


def describe(line: str, base_url: str) -> bytes:
    """Return what the API says of a video, of its link, and of an upload."""
    link = f"{base_url}/file?signature=SECRET"
    if "/download " in line:
        return json.dumps({"download_url": link}).encode()
    if "/assets" in line:
        return json.dumps({"asset_id": "asset_1", "upload_url": link, "expires_in": 60}).encode()
    return json.dumps({"id": "batch_1", "status": "completed", "size_bytes": len(CONTENT)}).encode()


def rest(head: bytes) -> bytes:
    """Return the answer of an honest host."""
    begin = int(head.split(b"Range: bytes=")[1].split(b"-")[0]) if b"Range: " in head else 0
    span = b"bytes %d-%d/%d" % (begin, len(CONTENT) - 1, len(CONTENT))
    status, length = (b"206 X", len(CONTENT) - begin) if begin else (b"200 OK", len(CONTENT))
    named = b'ETag: "1"\r\nContent-Type: video/mp4\r\nContent-Range: %b\r\nContent-Length: %d\r\n\r\n' % (span, length)
    return b"HTTP/1.1 " + status + b"\r\n" + named + CONTENT[begin:]


@asynccontextmanager
async def stalling(at: str) -> AsyncIterator[Tuple[str, asyncio.Event, List[bytes]]]:
    """Run an API and the host of its file, which stand still for ever at the first request of a stage."""
    is_reached = asyncio.Event()

    async def serve(_: Any, writer: asyncio.StreamWriter, head: bytes) -> None:
        line = head.decode("latin-1")
        if at in PATHS and line.startswith(PATHS[at]) and not is_reached.is_set():
            if at == "body":
                writer.write(HEAD + CONTENT[:CUT])
            is_reached.set()
            await asyncio.sleep(NEVER)
        writer.write(rest(head) if " /file" in line else reply(describe(line, base_url)))
        await writer.drain()

    async with serving(serve) as (base_url, heads):
        yield base_url, is_reached, heads


def client_of(base_url: str, **options: Any) -> AsyncBluma:
    """Return a client of that server."""
    return AsyncBluma("bluma_test_key", base_url=base_url, trust_env=False, timeout=NEVER, **options)


async def end_of(call: asyncio.Future[Any]) -> str:
    """Return the message of the error of a call, which ends soon."""
    await asyncio.wait({call}, timeout=SOON)
    assert call.done()
    assert isinstance(call.exception(), errors.BlumaError)
    return str(call.exception())


@pytest.mark.parametrize("stage", PATHS)
async def test_a_save_ends_in_every_stage(stage: str, tmp_path: Path) -> None:
    """Its path, its lock and its slot are free; the next save goes on behind the bytes that were written."""
    progress = asyncio.Event()
    async with stalling(stage) as (base, is_reached, heads):
        client = client_of(base)
        saving = client.videos.save("batch_1", tmp_path / "x.mp4", on_progress=lambda *_: progress.set())
        save = asyncio.ensure_future(saving)
        await (progress if stage == "body" else is_reached).wait()

        await client.aclose()
        message = await end_of(save)

        assert "the client was closed" in message
        assert names(tmp_path) == (KEPT if stage == "body" else [])
        async with client_of(base) as successor:
            await successor.videos.save("batch_1", tmp_path / "x.mp4")
    assert (tmp_path / "x.mp4").read_bytes() == CONTENT
    assert names(tmp_path) == ["x.mp4"]
    assert (b"Range: " in heads[-1]) == (stage == "body")


async def test_the_error_says_how_a_save_goes_on(tmp_path: Path) -> None:
    """It names the bytes that are kept, and the call that continues behind them."""
    progress = asyncio.Event()
    async with stalling("body") as (base, _, _):
        client = client_of(base)
        saving = client.videos.save("batch_1", tmp_path / "x.mp4", on_progress=lambda *_: progress.set())
        save = asyncio.ensure_future(saving)
        await progress.wait()

        await client.aclose()

        message = await end_of(save)
    assert f"{(tmp_path / 'x.mp4.part').stat().st_size} bytes are kept." in message
    assert "continue with client.videos.save('batch_1', " in message


async def test_a_save_ends_in_its_pause(tmp_path: Path) -> None:
    """The host has cut the connection, and the next attempt would come in an hour."""
    is_pausing = asyncio.Event()

    async def cut(_: Any, writer: asyncio.StreamWriter, head: bytes) -> None:
        line = head.decode("latin-1")
        if " /file" in line:
            writer.write(HEAD + CONTENT[:CUT])
            await writer.drain()
            raise ConnectionAbortedError
        writer.write(reply(describe(line, base)))

    async with serving(cut) as (base, _):
        client = client_of(base, retry_delay=NEVER, on_retry=lambda _: is_pausing.set())
        save = asyncio.ensure_future(client.videos.save("batch_1", tmp_path / "x.mp4"))
        await is_pausing.wait()

        await client.aclose()

        assert "bytes are kept." in await end_of(save)
    assert names(tmp_path) == KEPT


async def test_saves_that_wait_for_a_slot_end_too(tmp_path: Path) -> None:
    """One save has the only slot. The others leave nothing behind, and send nothing."""
    async with stalling("head") as (base, is_reached, heads):
        client = client_of(base, connection_limit=1)
        paths = [tmp_path / f"{number}.mp4" for number in range(4)]
        saves = [asyncio.ensure_future(client.videos.save("batch_1", path)) for path in paths]
        await is_reached.wait()

        await client.aclose()
        messages = [await end_of(save) for save in saves]

        assert len(heads) == 3
    assert ["closed" in message for message in messages] == [True] * 4
    assert names(tmp_path) == []


async def test_a_save_may_close_its_client(tmp_path: Path) -> None:
    """A callback that closes the client ends its own save, and the closing is not interrupted."""
    closed: List[bool] = []
    async with stalling("body") as (base, _, _):
        client = client_of(base)

        async def close(*_: Any) -> None:
            await client.aclose()
            closed.append(True)

        save = asyncio.ensure_future(client.videos.save("batch_1", tmp_path / "x.mp4", on_progress=close))

        assert "the client was closed" in await end_of(save)
    assert closed[0]
    assert names(tmp_path) == KEPT


async def test_an_upload_ends(tmp_path: Path) -> None:
    """The host of the file takes it, and never answers."""
    file = tmp_path / "x.jpg"
    file.write_bytes(b"x" * 1000)
    is_reached = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: bytes) -> None:
        line = head.decode("latin-1")
        length = int(line.split("Content-Length: ")[1].split("\r\n")[0]) if "Content-Length: " in line else 0
        await reader.readexactly(length)
        if " /file" in line:
            is_reached.set()
            await asyncio.sleep(NEVER)
        writer.write(reply(describe(line, base)))

    async with serving(serve) as (base, _):
        client = client_of(base)
        upload = asyncio.ensure_future(client.assets.upload_file(file))
        await is_reached.wait()

        await client.aclose()

        assert "the client was closed" in await end_of(upload)


def test_a_blocking_save_ends(tmp_path: Path) -> None:
    """Another thread closes the client; the save raises in its own one, and a new client continues it."""
    ended: Dict[str, Any] = {}
    progress = threading.Event()

    async def script(exchange: Exchange) -> None:
        if not exchange.line.startswith("GET /file"):
            await exchange.send(raw_reply(describe(exchange.line + " ", server.base_url)))
        elif progress.is_set():
            await exchange.send(rest(exchange.head))
        else:
            await exchange.send(HEAD + CONTENT[:CUT])
            await exchange.sleep()

    def save(client: Bluma, on_progress: Callable[..., Any]) -> None:
        try:
            client.videos.save("batch_1", tmp_path / "x.mp4", on_progress=on_progress)
        except errors.BlumaError as error:
            ended["error"] = str(error)

    with RawServer(script) as server:
        client = Bluma("bluma_test_key", base_url=server.base_url, trust_env=False)
        thread = threading.Thread(target=save, args=(client, lambda *_: progress.set()))
        thread.start()
        assert progress.wait(SOON)
        client.close()
        thread.join(SOON)
        assert not thread.is_alive()
        kept = names(tmp_path)
        with Bluma("bluma_test_key", base_url=server.base_url, trust_env=False) as successor:
            successor.videos.save("batch_1", tmp_path / "x.mp4")

    assert "the client was closed" in ended["error"]
    assert kept == KEPT
    assert (tmp_path / "x.mp4").read_bytes() == CONTENT
