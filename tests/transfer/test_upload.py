"""Uploading: one call from a file to its asset, with retries, without the whole file in memory."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any, Dict, List, Tuple

import pytest

from bluma import Bluma
from bluma_async import AsyncBluma, errors
from bluma_async._runtime.threads import in_thread
from bluma_async.sandbox import Sandbox
from tests.live import Live

PICTURE = b"\xff\xd8" + bytes(600_000)


def read_content(sandbox: Sandbox, asset_id: str) -> bytes:
    """Return the bytes of an asset that the sandbox has stored."""
    state = sandbox._running
    path = state.files.find_path(state.assets.need(asset_id)["place"])
    assert path is not None
    return path.read_bytes()


@pytest.mark.parametrize("kind", ["path", "text", "bytes", "file"])
async def test_a_file_becomes_an_asset(sandbox: Sandbox, client: AsyncBluma, tmp_path: Path, kind: str) -> None:
    """A path, bytes or an open file is uploaded; its type is guessed from its name, and progress is reported."""
    path = tmp_path / "photo.jpg"
    path.write_bytes(PICTURE)
    collection = await client.collections.create("Photos")
    reported: List[Tuple[int, int]] = []
    options: Dict[str, Any] = {"collection_ids": [collection.id], "on_progress": lambda *facts: reported.append(facts)}

    if kind == "bytes":
        asset = await client.assets.upload_file(PICTURE, name="photo.jpg", file_type="image/jpeg", **options)
    elif kind == "file":
        asset = await client.assets.upload_file(
            io.BytesIO(PICTURE), name="photo.jpg", file_type="image/jpeg", **options
        )
    else:
        asset = await client.assets.upload_file(path if kind == "path" else str(path), **options)

    assert (asset.name, asset.file_type, asset.file_size_bytes) == ("photo.jpg", "image/jpeg", len(PICTURE))
    assert read_content(sandbox, asset.id) == PICTURE
    assert reported[-1] == (len(PICTURE), len(PICTURE))
    assert [entry.id for entry in await client.collections.list_assets(collection.id)] == [asset.id]


@pytest.mark.parametrize("kind", ["drop_before", "status"])
async def test_a_failed_upload_is_retried_from_its_first_byte(sandbox: Sandbox, client: AsyncBluma, kind: str) -> None:
    """After two cuts, or two 500, the third attempt sends the whole file."""
    sandbox.faults.add("PUT /uploads/{place}", kind, times=2)

    asset = await client.assets.upload_file(PICTURE, name="x.jpg", file_type="image/jpeg")

    assert read_content(sandbox, asset.id) == PICTURE


@pytest.mark.parametrize(("change", "word"), [(-300_000, "shorter"), (300_000, "longer"), (-len(PICTURE), "shorter")])
async def test_a_file_that_changes_while_it_is_sent_is_an_error(
    sandbox: Sandbox, client: AsyncBluma, tmp_path: Path, change: int, word: str
) -> None:
    """The upload ends at once, nothing is stored, and there is no retry: it would send a file of another size again."""
    path = tmp_path / "photo.jpg"
    path.write_bytes(PICTURE)

    def resize(sent: int, _: int) -> None:
        if sent < len(PICTURE):
            os.truncate(path, len(PICTURE) + change)

    with pytest.raises(errors.BlumaError, match=f"'photo.jpg' was not uploaded: it had .* and became {word}") as caught:
        await client.assets.upload_file(path, on_progress=resize)

    assert not isinstance(caught.value, errors.NetworkError)
    assert [request.route for request in sandbox.requests].count("PUT /uploads/{place}") <= 1


async def test_a_file_that_grows_after_its_last_announced_byte_was_sent_is_uploaded(
    sandbox: Sandbox, client: AsyncBluma, tmp_path: Path
) -> None:
    """The host has every announced byte then; a log or a recording may go on growing."""
    path = tmp_path / "photo.jpg"
    path.write_bytes(PICTURE)

    def grow(sent: int, _: int) -> None:
        if sent == len(PICTURE):
            os.truncate(path, len(PICTURE) + 1)

    asset = await client.assets.upload_file(path, on_progress=grow)

    assert read_content(sandbox, asset.id) == PICTURE


async def test_a_file_that_is_moved_away_before_a_retry_is_an_error(
    sandbox: Sandbox, client: AsyncBluma, tmp_path: Path
) -> None:
    """The second attempt cannot open the file, and says so."""
    path = tmp_path / "photo.jpg"
    path.write_bytes(PICTURE)
    # The host reads the whole body first: an earlier answer may come before the first report.
    sandbox.faults.add("PUT /uploads/{place}", "status_after", times=1)

    async def move(*_: int) -> None:
        if await in_thread(path.exists):
            await in_thread(path.replace, tmp_path / "moved.jpg")

    with pytest.raises(errors.BlumaError, match=r"'photo\.jpg' was not uploaded: it cannot be opened"):
        await client.assets.upload_file(path, on_progress=move)


async def test_a_refused_upload_is_an_error(sandbox: Sandbox, client: AsyncBluma) -> None:
    """A link that has expired is not retried."""
    sandbox.faults.add("PUT /uploads/{place}", "status", status=403)

    with pytest.raises(errors.ForbiddenError):
        await client.assets.upload_file(b"x", name="x.jpg", file_type="image/jpeg")


async def test_an_exception_of_on_progress_ends_the_upload(client: AsyncBluma) -> None:
    """The caller gets it unchanged, and nothing more is sent."""
    reported: List[int] = []

    def fail(sent: int, _: int) -> None:
        reported.append(sent)
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        await client.assets.upload_file(PICTURE, name="x.jpg", file_type="image/jpeg", on_progress=fail)
    assert len(reported) == 1


@pytest.mark.parametrize("file", ["missing.jpg", 7, ""])
async def test_an_invalid_file_is_refused(sandbox: Sandbox, client: AsyncBluma, file: Any) -> None:
    """A missing file, or an argument that is not a file, is refused before any request."""
    with pytest.raises(errors.InvalidArgumentError):
        await client.assets.upload_file(file)

    assert sandbox.requests == []


async def test_several_files(sandbox: Sandbox, client: AsyncBluma) -> None:
    """Assets are returned in order; the first failure ends the call, and finished uploads stay."""
    files = [bytes([number]) * (number + 1) for number in range(10)]

    assets = await client.assets.upload_files(files, file_type="image/png", concurrency=3)

    assert [read_content(sandbox, asset.id) for asset in assets] == files
    sandbox.faults.add("PUT /uploads/{place}", "status", status=403, skip=4)
    with pytest.raises(errors.ForbiddenError):
        await client.assets.upload_files(files, file_type="image/png", concurrency=2)
    with pytest.raises(errors.InvalidArgumentError):
        await client.assets.upload_files(files, concurrency=0)


def test_the_blocking_twin_uploads_too(tmp_path: Path) -> None:
    """The blocking client uploads too, and calls `on_progress` in the caller's thread."""
    path = tmp_path / "photo.jpg"
    path.write_bytes(PICTURE)
    reported: List[int] = []
    with Live() as sandbox, Bluma(sandbox.live_key, base_url=sandbox.base_url) as client:
        asset = client.assets.upload_file(path, on_progress=lambda sent, _: reported.append(sent))
        more = client.assets.upload_files([path, path])

    assert (asset.file_size_bytes, reported[-1], len(more)) == (len(PICTURE), len(PICTURE), 2)
