"""Hooks, the log and the retry options in uploads and downloads: the same as in other calls, and no secret in them."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any, List, Tuple

import pytest

from bluma_async import AsyncBluma, RetryInfo, errors
from bluma_async._wire.messages import Answer, Request
from bluma_async.sandbox import Sandbox
from bluma_async.types import Video, VideoStatus
from tests.fakes import FakeTransport, answer, client_with
from tests.servers import client_for, reply, serving

LINK = "https://user:pass@cdn/v1/x.mp4?signature=SECRET#also-SECRET"
SHOWN = "https://cdn/v1/x.mp4"
SIGNED = answer(200, {"download_url": LINK})
BODY = b"0000ftyp" + bytes(100)
VIDEO = Video(id="a", status=VideoStatus.COMPLETED, size_bytes=len(BODY))
ASSET = {"id": "asset_1", "name": "x.jpg"}
PRESIGNED = answer(200, {"asset_id": "asset_1", "upload_url": LINK, "expires_in": 60})


def watched(*replies: Any, **options: Any) -> Tuple[AsyncBluma, FakeTransport, List[Any]]:
    """Return a client that reports to a list, its transport, and the list."""
    reports: List[Any] = []
    hooks = dict.fromkeys(("on_request", "on_response", "on_retry"), reports.append)
    client, transport, _ = client_with(*replies, **{**hooks, **options})
    return client, transport, reports


def summary(reports: List[Any]) -> List[Any]:
    """Return the reports on transfers, without those on API calls."""
    return [
        (type(info).__name__, info.method, info.attempt, getattr(info, "status", None))
        for info in reports
        if "/v1/x.mp4" in info.url
    ]


def served(status: int = 200, size: int = len(BODY)) -> Answer:
    """Return the answer of the link's host."""
    headers = {"Content-Length": str(len(BODY)), "ETag": '"1"', "X-RateLimit-Limit": "9", "X-RateLimit-Remaining": "1"}
    return answer(status, BODY[:size], headers)


async def test_a_download_calls_the_hooks(tmp_path: Path) -> None:
    """Each attempt reports its request and its answer, and a failed one its retry; no URL contains the query."""
    client, _, reports = watched(SIGNED, served(500), served(), default_headers={"X-Mine": "1"})

    await client.videos.save(VIDEO, tmp_path / "x.mp4")

    assert summary(reports) == [
        ("RequestInfo", "GET", 0, None),
        ("ResponseInfo", "GET", 0, 500),
        ("RetryInfo", "GET", 0, None),
        ("RequestInfo", "GET", 1, None),
        ("ResponseInfo", "GET", 1, 200),
    ]
    assert {info.url for info in reports[2:]} == {SHOWN}
    assert reports[3].rate_limit is None
    assert [(info.delay, info.error.status) for info in reports if isinstance(info, RetryInfo)] == [(1, 500)]
    assert "SECRET" not in repr([info for info in reports if "cdn" in info.url])


async def test_an_upload_calls_the_hooks() -> None:
    """Each attempt of the PUT is reported like a download's."""
    client, transport, reports = watched(
        PRESIGNED, errors.NetworkError("cut"), served(500), served(), answer(200, ASSET)
    )

    await client.assets.upload_file(b"x", name="x.jpg", file_type="image/jpeg")

    assert summary(reports) == [
        ("RequestInfo", "PUT", 0, None),
        ("RetryInfo", "PUT", 0, None),
        ("RequestInfo", "PUT", 1, None),
        ("ResponseInfo", "PUT", 1, 500),
        ("RetryInfo", "PUT", 1, None),
        ("RequestInfo", "PUT", 2, None),
        ("ResponseInfo", "PUT", 2, 200),
    ]
    assert transport.requests[1].url == LINK
    assert "SECRET" not in repr(reports)


async def test_a_link_that_is_signed_again_is_a_request_and_no_retry(tmp_path: Path) -> None:
    """The second link is reported as a request of the same attempt."""
    client, _, reports = watched(SIGNED, served(403), SIGNED, served())

    await client.videos.save(VIDEO, tmp_path / "x.mp4")

    assert [entry[0] for entry in summary(reports)] == ["RequestInfo", "ResponseInfo"] * 2
    assert {entry[2] for entry in summary(reports)} == {0}


async def test_a_download_with_progress_counts_its_attempts_again(tmp_path: Path) -> None:
    """After bytes have arrived, hooks, `should_retry` and the pauses count from 0."""
    asked: List[int] = []

    def should_retry(_: Exception, attempt: int) -> bool:
        asked.append(attempt)
        return True

    cut, rest = errors.NetworkError("cut"), answer(206, BODY[50:], {"ETag": '"1"', "Content-Range": "bytes 50-107/108"})
    client, _, reports = watched(SIGNED, cut, cut, served(size=50), rest, should_retry=should_retry)

    await client.videos.save(VIDEO, tmp_path / "x.mp4")

    assert asked == [0, 1, 0]
    assert [info.attempt for info in reports if isinstance(info, RetryInfo)] == [0, 1, 0]
    assert (tmp_path / "x.mp4").read_bytes() == BODY


async def test_the_log_shows_no_signed_link(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The debug log has a line for each answer and each retry of a transfer, without the query."""
    client, _, _ = client_with(SIGNED, served(500), served())

    with caplog.at_level(logging.DEBUG, logger="bluma"):
        await client.videos.save(VIDEO, tmp_path / "x.mp4")

    lines = [record.getMessage() for record in caplog.records if "cdn" in record.getMessage()]
    assert [f"GET {SHOWN}: " in line for line in lines] == [True] * 3
    assert "SECRET" not in "".join(lines)


async def test_a_network_error_shows_no_signed_link(tmp_path: Path) -> None:
    """An endless redirect is reported by aiohttp with the whole URL; the SDK's error has it without the query."""

    async def serve(_: Any, writer: asyncio.StreamWriter, head: bytes) -> None:
        link = f"{base}/x.mp4?signature=SECRET"
        redirect = f"HTTP/1.1 302 Found\r\nLocation: {link}\r\nContent-Length: 0\r\n\r\n"
        writer.write(reply(b'{"download_url": "%s"}' % link.encode()) if b"/download" in head else redirect.encode())
        await writer.drain()

    async with serving(serve) as (base, _), client_for(base) as client:
        with pytest.raises(errors.NetworkError, match=r"x\.mp4 failed: it is redirected again and again\.") as caught:
            await client.videos.save(VIDEO, tmp_path / "x.mp4")

    assert "SECRET" not in str(caught.value)


async def test_a_link_that_is_redirected_to_nowhere_was_answered(tmp_path: Path) -> None:
    """The host has seen the request, so the error does not deny it."""

    async def serve(_: Any, writer: asyncio.StreamWriter, head: bytes) -> None:
        redirect = b"HTTP/1.1 302 Found\r\nLocation: http://[bad\r\nContent-Length: 0\r\n\r\n"
        link = b'{"download_url": "%s/x.mp4"}' % base.encode()
        writer.write(reply(link) if b"/download" in head else redirect)
        await writer.drain()

    async with serving(serve) as (base, _), client_for(base) as client:
        with pytest.raises(errors.NetworkError, match="redirected to what cannot be requested") as caught:
            await client.videos.save(VIDEO, tmp_path / "x.mp4")

    assert caught.value.request_sent


@pytest.mark.parametrize("hook", ["on_request", "on_response", "on_retry", "on_progress"])
@pytest.mark.parametrize("transfer", ["download", "upload"])
async def test_an_sdk_error_of_the_users_function_is_not_retried(tmp_path: Path, hook: str, transfer: str) -> None:
    """A NetworkError that a hook or `on_progress` raises reaches the caller at once."""
    own = errors.NetworkError("mine")

    def fail(*facts: Any) -> None:
        if hook == "on_progress" or "cdn" in facts[0].url:
            raise own

    options = {} if hook == "on_progress" else {hook: fail}
    on_progress = fail if hook == "on_progress" else None
    failing = [served(500)] if hook == "on_retry" else []
    replies = [SIGNED, *failing, served()] if transfer == "download" else [PRESIGNED, *failing, read_all]
    client, transport, clock = client_with(*replies, **options)

    with pytest.raises(errors.NetworkError, match="mine") as caught:
        await run(client, transfer, tmp_path, on_progress)

    assert caught.value is own
    assert clock.slept == []
    assert len(transport.requests) <= 2


async def run(client: AsyncBluma, transfer: str, folder: Path, on_progress: Any = None) -> None:
    """Download a video, or upload a file."""
    if transfer == "download":
        await client.videos.save(VIDEO, folder / "x.mp4", on_progress=on_progress)
    else:
        await client.assets.upload_file(b"x", name="x.jpg", file_type="image/jpeg", on_progress=on_progress)


async def read_all(request: Request) -> Any:
    """Read the body of an upload, and fail as a transport does if its source raises."""
    assert request.pieces is not None
    async for _ in request.pieces:
        pass
    return answer(200, {})


@pytest.mark.parametrize("transfer", ["download", "upload"])
async def test_transfers_follow_the_retry_options(tmp_path: Path, transfer: str) -> None:
    """`should_retry` and `calculate_retry_delay` decide here too; the error has the number of attempts."""
    signed = SIGNED if transfer == "download" else PRESIGNED
    client, transport, clock = client_with(
        signed, served(400), should_retry=lambda _, attempt: attempt < 2, calculate_retry_delay=lambda _: 7.0
    )

    with pytest.raises(errors.ValidationError) as caught:
        await run(client, transfer, tmp_path)

    assert (clock.slept, len(transport.requests), caught.value.attempts) == ([7.0, 7.0], 4, 3)


@pytest.mark.parametrize("transfer", ["download", "upload"])
async def test_a_retry_that_would_begin_after_the_deadline_is_not_made(tmp_path: Path, transfer: str) -> None:
    """The failure of the last attempt is raised at once, without a pause."""
    signed = SIGNED if transfer == "download" else PRESIGNED
    client, _, clock = client_with(signed, served(500), served(), deadline=0.5, retry_delay=60.0)

    with pytest.raises(errors.ServerError) as caught:
        await run(client, transfer, tmp_path)

    assert (caught.value.status, clock.slept) == (500, [])


async def test_uploads_against_the_sandbox_call_the_hooks(sandbox: Sandbox, client: AsyncBluma) -> None:
    """The real transport reports the PUT, without the signature of its link."""
    reports: List[Any] = []
    hooked = client.with_options(on_request=reports.append, on_response=reports.append)

    await hooked.assets.upload_file(b"x" * 1000, name="x.jpg", file_type="image/jpeg")

    puts = [info for info in reports if info.method == "PUT"]
    assert len(puts) == 2
    assert not [info.url for info in puts if "?" in info.url]
