"""`client.videos.save`: the file is complete or absent."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Any, List

import pytest

from bluma_async import AsyncBluma, errors
from bluma_async.sandbox import Sandbox
from tests.fakes import answer, client_with
from tests.resources.made import completed


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


async def test_a_short_download_is_an_error(tmp_path: Path) -> None:
    """A body that is shorter than its Content-Length is an error; a long error body is cut."""
    signed = answer(200, {"download_url": "https://cdn/v1/x.mp4"})
    short, _, _ = client_with(signed, answer(200, b"12345", {"Content-Length": "9"}))
    refused, _, _ = client_with(signed, answer(403, b"x" * 100_000))
    free, transport, _ = client_with(signed, answer(200, b"12345"))

    with pytest.raises(errors.NetworkError, match="5 of 9 bytes"):
        await short.videos.save("a", tmp_path / "x")
    with pytest.raises(errors.ForbiddenError):
        await refused.videos.save("a", tmp_path / "x")
    assert await free.videos.save("a", tmp_path / "x") == 5
    assert "Authorization" not in transport.requests[1].headers


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
