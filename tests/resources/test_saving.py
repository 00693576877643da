"""`client.videos.save`: the file is complete or absent."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Any, List

import pytest

from bluma_async import AsyncBluma, errors, types
from bluma_async.sandbox import Sandbox
from tests.fakes import answer, client_with, problem
from tests.resources.made import completed
from tests.transfer.boxes import make_mp4


async def test_saving_writes_the_whole_file(sandbox: Sandbox, client: AsyncBluma, tmp_path: Path) -> None:
    """The file is complete and its progress is reported; an existing file is replaced only with `overwrite`."""
    video = await completed(sandbox, client)
    reported: List[Any] = []
    target = tmp_path / "out.mp4"

    size = await client.videos.save(video.id, target, on_progress=lambda done, total: reported.append((done, total)))

    assert target.stat().st_size == size == video.size_bytes
    assert reported[-1] == (size, size)
    assert not (tmp_path / "out.mp4.part").exists()
    with pytest.raises(errors.InvalidArgumentError, match="already there"):
        await client.videos.save(video.id, target)
    assert await client.videos.save(video.id, str(target), overwrite=True) == size


@pytest.mark.parametrize("place", ["missing/out.mp4", ""])
async def test_an_invalid_path_is_refused(place: str, tmp_path: Path) -> None:
    """A missing folder, or a folder as the file, is refused before any request."""
    client, transport, _ = client_with(answer(200, {}))

    with pytest.raises(errors.InvalidArgumentError):
        await client.videos.save("batch_1", tmp_path / place)

    assert transport.requests == []


@pytest.mark.parametrize(
    ("kind", "kept"),
    [("drop_before", errors.NetworkError), ("expire_link", errors.ForbiddenError)],
)
async def test_a_download_that_fails_at_once_leaves_no_file(
    sandbox: Sandbox, client: AsyncBluma, tmp_path: Path, kind: str, kept: Any
) -> None:
    """Cut before the first byte, or an expired link twice: a BlumaError, and an empty folder."""
    video = await completed(sandbox, client)
    route = "GET /videos/{id}/download" if kind == "expire_link" else "GET /cdn/{place}"
    sandbox.faults.add(route, kind, times=None)

    with pytest.raises(kept):
        await client.videos.save(video.id, tmp_path / "out.mp4")

    assert os.listdir(tmp_path) == []  # noqa: PTH208 - a small folder of this test


SIGNED = answer(200, {"download_url": "https://cdn/v1/x.mp4"})


async def test_a_short_download_is_an_error(tmp_path: Path) -> None:
    """A body that is shorter than its Content-Length is an error; a long error body is cut."""
    video = types.Video(id="a", status=types.VideoStatus.COMPLETED, size_bytes=9)
    short, _, _ = client_with(SIGNED, answer(200, b"12345", {"Content-Length": "9"}))
    refused, _, _ = client_with(SIGNED, answer(403, b"x" * 100_000))
    free, transport, _ = client_with(SIGNED, answer(200, b"12345"))

    with pytest.raises(errors.NetworkError, match="5 of 9 bytes"):
        await short.videos.save(video, tmp_path / "x")
    with pytest.raises(errors.ForbiddenError) as caught:
        await refused.videos.save(video, tmp_path / "x")
    assert caught.value.video_id == "a"
    assert await free.videos.save("a", tmp_path / "x", verify="none") == 5
    assert "Authorization" not in transport.requests[1].headers


@pytest.mark.parametrize(
    ("size_bytes", "requests"),
    [(None, ["GET /videos/a", "GET /videos/a/download"]), (9, ["GET /videos/a/download"])],
)
async def test_the_size_is_read_unless_it_is_known(tmp_path: Path, size_bytes: Any, requests: Any) -> None:
    """A Video that has its size saves a request; that of a create, or an id, does not."""
    described = answer(200, {"id": "a", "status": "completed", "size_bytes": 9})
    replies = [SIGNED, answer(200, b"123456789", {"Content-Length": "9"})]
    client, transport, _ = client_with(*([] if size_bytes else [described]), *replies)
    video = types.Video(id="a", status=types.VideoStatus.QUEUED, size_bytes=size_bytes)

    assert await client.videos.save(video, tmp_path / "x") == 9

    assert [line for line in transport.sent if "/x.mp4" not in line] == requests


async def test_a_key_that_may_only_download_can_save(tmp_path: Path) -> None:
    """Without the scope to read videos the size is unknown, and the container is checked instead."""
    client, _, _ = client_with(problem(403), SIGNED, answer(200, b"0" * 9))

    with pytest.raises(errors.FileContentError, match="cut off"):
        await client.videos.save("a", tmp_path / "x")

    client, _, _ = client_with(problem(403), SIGNED, answer(200, make_mp4()))
    assert await client.videos.save("a", tmp_path / "x") == len(make_mp4())


async def test_a_video_that_does_not_exist_is_not_saved(tmp_path: Path) -> None:
    """The request for its size says so, and nothing else is sent."""
    client, transport, _ = client_with(problem(404))

    with pytest.raises(errors.NotFoundError):
        await client.videos.save("a", tmp_path / "x")

    assert (transport.sent, os.listdir(tmp_path)) == (["GET /videos/a"], [])  # noqa: PTH208 - a small folder


@pytest.mark.parametrize("video_id", ["", "..", None, 7, object()])
async def test_an_invalid_id_is_refused(tmp_path: Path, video_id: Any) -> None:
    """An invalid id is refused before anything is sent or created."""
    client, transport, _ = client_with(answer(200, {}))

    with pytest.raises(errors.InvalidArgumentError):
        await client.videos.save(video_id, tmp_path / "x")

    assert (transport.requests, os.listdir(tmp_path)) == ([], [])  # noqa: PTH208 - a small folder


@pytest.mark.parametrize("error", [OSError("disk full"), asyncio.TimeoutError("mine"), LookupError("mine")])
async def test_an_exception_of_on_progress_ends_the_download(
    sandbox: Sandbox, client: AsyncBluma, tmp_path: Path, error: Exception
) -> None:
    """It is raised unchanged, whatever its class; there is no file, and a later call completes it."""
    video = await completed(sandbox, client)

    def tell(_: int, __: Any) -> None:
        raise error

    with pytest.raises(type(error)) as caught:
        await client.videos.save(video.id, tmp_path / "out.mp4", on_progress=tell)

    assert caught.value is error
    assert not (tmp_path / "out.mp4").exists()
    assert await client.videos.save(video.id, tmp_path / "out.mp4") == video.size_bytes
    assert os.listdir(tmp_path) == ["out.mp4"]  # noqa: PTH208 - a small folder of this test


async def test_the_api_key_is_not_sent_to_links(sandbox: Sandbox, client: AsyncBluma, tmp_path: Path) -> None:
    """Requests to signed links have no header with the API key."""
    video = await completed(sandbox, client)
    seen: List[Any] = []
    connections = client._session.shared.connections
    connections.get()
    stream = connections.transport.stream  # type: ignore[union-attr]  # reached

    def spy(request: Any, timeout: float) -> Any:
        seen.append(dict(request.headers))
        return stream(request, timeout)

    connections.transport.stream = spy  # type: ignore[union-attr,method-assign]  # to see the headers
    await client.videos.save(video.id, tmp_path / "x.mp4")

    assert len(seen) == 1
    assert "bluma" not in json.dumps({name: value for name, value in seen[0].items() if name != "User-Agent"})
