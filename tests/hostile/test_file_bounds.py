"""Transfers that would never end: each is ended by the deadline, and without one by the rules of progress and speed."""

from __future__ import annotations

import asyncio
import gzip
import os
import time
from pathlib import Path
from typing import Any, Dict, List

import pytest

from bluma_async import errors
from tests.hostile.file_server import CONTENT, VIDEO_ID, Exchange, Hostile, Script, client_of, hosting
from tests.transfer.boxes import make_mp4

DEADLINE = 0.6
SLACK = 3.0  # seconds, for a busy machine


async def trickle(exchange: Exchange) -> None:
    """Send a byte now and then, for ever."""
    await exchange.send_head(Content_Length=len(CONTENT), ETag='"1"')
    for place in range(len(CONTENT)):
        await exchange.send(CONTENT[place : place + 1])
        await asyncio.sleep(0.02)


async def trickle_nothing(exchange: Exchange) -> None:
    """Send empty gzip members for ever: bytes that hold nothing of the file."""
    await exchange.send_head(Content_Length=2**30, ETag='"1"', Content_Encoding="gzip")
    while True:
        await exchange.send(gzip.compress(b""))
        await asyncio.sleep(0.02)


async def trickle_head(exchange: Exchange) -> None:
    """Send a head that goes on for ever, a byte now and then."""
    await exchange.send(b"HTTP/1.1 200 OK\r\nX-Long: ")
    while True:
        await exchange.send(b"x")
        await asyncio.sleep(0.02)


async def trickle_error(exchange: Exchange) -> None:
    """Fail, and send the page that explains it, a byte now and then."""
    await exchange.send_head(503, Content_Length=2**15, Content_Type="text/plain")
    while True:
        await exchange.send(b"x")
        await asyncio.sleep(0.02)


async def send_for_ever(exchange: Exchange) -> None:
    """Send chunks without an end."""
    await exchange.send_head(Transfer_Encoding="chunked", ETag='"1"')
    while True:
        await exchange.send(b"10000\r\n" + bytes(2**16) + b"\r\n")
        await asyncio.sleep(0.01)


async def cut_often(exchange: Exchange) -> None:
    """Cut every 10 bytes."""
    await exchange.send_rest(until=exchange.begin + 10)


async def change_often(exchange: Exchange) -> None:
    """Name another version each time, and cut it."""
    await exchange.send_rest(tag=f'"{exchange.number}"', until=50_000)


async def answer_with_nothing(exchange: Exchange) -> None:
    """Say nothing."""
    await asyncio.sleep(3600)


async def fail(exchange: Exchange) -> None:
    """Fail, and fail again."""
    await exchange.send_head(503, Content_Length=0)


ENDLESS: Dict[str, Script] = {
    "a trickle": trickle,
    "a trickle of nothing": trickle_nothing,
    "a trickle of a head": trickle_head,
    "a trickle of an error": trickle_error,
    "an endless body": send_for_ever,
    "a cut every 10 bytes": cut_often,
    "another version each time": change_often,
    "silence": answer_with_nothing,
    "failures": fail,
}


@pytest.mark.parametrize("kind", ENDLESS)
async def test_a_deadline_ends_every_save(tmp_path: Path, kind: str) -> None:
    """Also with endless retries: the call ends, with its id and the way on, and holds nothing any more."""
    async with hosting(ENDLESS[kind], size=None) as hostile, client_of(hostile) as client:
        bounded = client.with_options(deadline=DEADLINE, should_retry=lambda *_: True, retry_delay=0.001, timeout=30.0)
        began = time.monotonic()
        with pytest.raises((errors.NetworkError, errors.ServerError)) as caught:
            await bounded.videos.save(VIDEO_ID, tmp_path / "x.mp4", verify="none")
        took = time.monotonic() - began

    assert took < DEADLINE + SLACK
    assert caught.value.video_id == VIDEO_ID
    assert kind in {"failures", "a trickle of an error"} or f"client.videos.save({VIDEO_ID!r}, " in str(caught.value)
    assert {"x.mp4", "x.mp4.part.lock"}.isdisjoint(os.listdir(tmp_path))  # noqa: PTH208 - names, at once


@pytest.mark.parametrize(
    "kind",
    [
        *("a trickle", "a trickle of nothing", "a trickle of a head"),
        *("a cut every 10 bytes", "another version each time", "silence"),
    ],
)
async def test_a_save_without_a_deadline_ends_too(tmp_path: Path, kind: str) -> None:
    """Attempts that bring nothing, little, or little at a time are counted, and the retries end."""
    async with hosting(ENDLESS[kind]) as hostile, client_of(hostile, max_retries=2, timeout=0.3) as client:
        with pytest.raises(errors.NetworkError) as caught:
            await client.videos.save(VIDEO_ID, tmp_path / "x.mp4")

    assert hostile.fetches <= 4
    assert f"client.videos.save({VIDEO_ID!r}, " in str(caught.value)
    assert not (tmp_path / "x.mp4").exists()


async def test_an_error_whose_body_never_ends_is_raised_in_time(tmp_path: Path) -> None:
    """Head and body of an error have `timeout` together; the status and the text that has arrived are the error."""
    async with hosting(trickle_error) as hostile, client_of(hostile, max_retries=1, timeout=0.3) as client:
        began = time.monotonic()
        with pytest.raises(errors.ServerError) as caught:
            await client.videos.save(VIDEO_ID, tmp_path / "x.mp4")
        took = time.monotonic() - began

    assert took < 2 * 0.3 + SLACK
    assert (caught.value.status, hostile.fetches) == (503, 2)


async def test_a_trickle_of_a_small_file_ends_too(tmp_path: Path) -> None:
    """Each attempt brings more than one percent, but too slowly: it is not progress."""
    small = make_mp4(b"")

    async def script(exchange: Exchange) -> None:
        begin = exchange.begin
        await exchange.send_head(
            206 if begin else 200, Content_Range=f"bytes {begin}-{len(small) - 1}/{len(small)}", ETag='"1"'
        )
        for place in range(begin, len(small)):
            await exchange.send(small[place : place + 1])
            await asyncio.sleep(0.04)

    async with hosting(script, size=len(small)) as hostile, client_of(hostile, max_retries=1, timeout=0.3) as client:
        with pytest.raises(errors.RequestTimeoutError, match="less than 1024 bytes per second"):
            await client.videos.save(VIDEO_ID, tmp_path / "x.mp4")

    assert hostile.fetches == 2


async def test_an_endless_body_ends_at_the_size_that_the_api_described(tmp_path: Path) -> None:
    """The disk gets little more than the file has, and nothing is fetched again."""
    async with hosting(send_for_ever) as hostile, client_of(hostile) as client:
        with pytest.raises(errors.FileContentError, match=f"more than {len(CONTENT)} bytes"):
            await client.videos.save(VIDEO_ID, tmp_path / "x.mp4")

    assert hostile.fetches == 1
    assert not (tmp_path / "x.mp4").exists()


async def test_a_large_file_that_is_cut_often_is_completed(tmp_path: Path) -> None:
    """Attempts that bring enough are not counted: forty cuts are more than the retries allow without progress."""
    step = len(CONTENT) // 40

    async def script(exchange: Exchange) -> None:
        end = exchange.begin + step
        await exchange.send_rest(until=end if end < len(CONTENT) else None)

    async with hosting(script) as hostile, client_of(hostile, max_retries=1) as client:
        assert await client.videos.save(VIDEO_ID, tmp_path / "x.mp4") == len(CONTENT)

    assert hostile.fetches > 40
    assert (tmp_path / "x.mp4").read_bytes() == CONTENT


async def test_a_deadline_that_passes_during_the_rename_is_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is at its path, so the call returns its size."""
    rename = os.replace

    def rename_late(*paths: Any) -> None:
        time.sleep(2 * DEADLINE)
        rename(*paths)

    monkeypatch.setattr(os, "replace", rename_late)

    async with hosting(lambda exchange: exchange.send_rest()) as hostile, client_of(hostile) as client:
        bounded = client.with_options(deadline=DEADLINE)
        assert await bounded.videos.save(VIDEO_ID, tmp_path / "x.mp4") == len(CONTENT)

    assert os.listdir(tmp_path) == ["x.mp4"]  # noqa: PTH208 - names, at once


async def swallow(exchange: Exchange) -> None:
    """Read an upload, and never answer."""
    while await exchange.reader.read(2**16):
        pass


STORES: Dict[str, Script] = {"never answers": swallow, "reads nothing": answer_with_nothing}


@pytest.mark.parametrize("kind", STORES)
@pytest.mark.parametrize("options", [{"deadline": DEADLINE}, {"timeout": 0.3}], ids=["deadline", "timeout"])
async def test_an_upload_to_a_silent_store_ends(kind: str, options: Any) -> None:
    """The deadline ends it; without one, the store may stand still for `timeout` and the second of a slow line."""
    picture = bytes(8_000_000)  # 122 seconds on the slowest line
    async with hosting(STORES[kind]) as hostile, client_of(hostile, max_retries=0, **options) as client:
        began = time.monotonic()
        with pytest.raises(errors.RequestTimeoutError):
            await client.assets.upload_file(picture, name="x.jpg", file_type="image/jpeg")

        assert time.monotonic() - began < 1.3 + SLACK


async def test_an_upload_to_a_slow_store_goes_on(tmp_path: Path) -> None:
    """A store that takes longer than `timeout`, but goes on, gets the whole file; progress is reported to its end."""
    picture, taken = bytes(300_000), []
    reported: List[int] = []

    async def script(exchange: Exchange) -> None:
        left = len(picture)
        while left:
            piece = await exchange.reader.read(min(left, 30_000))
            left -= len(piece)
            taken.append(len(piece))
            await asyncio.sleep(0.05)
        await exchange.send_head(200, Content_Length=0)

    async with hosting(script) as hostile, client_of(hostile, timeout=0.3) as client:
        asset = await client.assets.upload_file(
            picture, name="x.jpg", file_type="image/jpeg", on_progress=lambda sent, _: reported.append(sent)
        )

    assert (asset.id, sum(taken), reported[-1]) == ("asset_1", len(picture), len(picture))
    assert puts(hostile) == 1


def puts(hostile: Hostile) -> int:
    """Return the number of uploads that the store got."""
    return sum(request.startswith("PUT ") for request in hostile.requests)


async def test_the_calls_around_an_upload_are_within_its_deadline() -> None:
    """The presigned link, the bytes and the asset have one deadline together."""

    async def script(exchange: Exchange) -> None:
        await exchange.reader.readexactly(10)
        await asyncio.sleep(DEADLINE / 2)
        await exchange.send_head(503, Content_Length=0)

    async with hosting(script) as hostile, client_of(hostile, deadline=DEADLINE) as client:
        endless = client.with_options(should_retry=lambda *_: True)
        began = time.monotonic()
        with pytest.raises(errors.BlumaError):
            await endless.assets.upload_file(b"0123456789", name="x.jpg", file_type="image/jpeg")

        assert time.monotonic() - began < DEADLINE + SLACK
