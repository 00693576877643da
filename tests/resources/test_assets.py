"""`client.assets`, against the sandbox."""

from __future__ import annotations

import io
import json
import os
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, List
from urllib.request import Request, urlopen

import anyio
import pytest

from bluma_async import AsyncBluma, errors
from bluma_async.sandbox import Sandbox
from tests.fakes import answer, client_with


async def test_an_asset_is_uploaded_by_a_signed_link(sandbox: Sandbox, client: AsyncBluma) -> None:
    """Items 81 to 85 and trap T-20: the link needs no key and no type, and the asset exists before its bytes."""
    made = await client.assets.upload(file_name="/some/where/product.jpg", file_type="image/jpeg")
    before = await client.assets.get(made.asset_id)

    def put() -> int:
        return int(urlopen(Request(made.upload_url, data=b"x" * 1234, method="PUT")).status)

    status = await anyio.to_thread.run_sync(put)
    after = await client.assets.get(made.asset_id)

    assert (before.name, before.file_size_bytes, before.file_type) == ("product.jpg", 0, "image/jpeg")
    assert (status, after.file_size_bytes, after.cdn_url) == (200, 1234, made.cdn_url)
    assert made.expires_at is not None
    assert made.expires_at > datetime.now(timezone.utc)


@pytest.mark.parametrize(
    "name", ["product.jpg", "dir/product.jpg", "product.jpg/", "C:\\pics\\product.jpg", "a\\b/product.jpg\\"]
)
async def test_an_asset_has_the_last_part_of_a_path(name: str) -> None:
    """The name of an asset is no path, whatever system the path is of, and is not empty."""
    client, transport, _ = client_with(answer(200, {"asset_id": "a", "upload_url": "https://x/y"}))

    await client.assets.upload(file_name=name, file_type="image/jpeg")

    assert json.loads(transport.requests[0].body or b"")["fileName"] == "product.jpg"


@pytest.mark.parametrize("name", ["/", "\\", "/ /"])
async def test_a_path_without_a_name_is_refused(name: str) -> None:
    """An asset needs a name; nothing is sent."""
    client, transport, _ = client_with(answer(200, {}))

    with pytest.raises(errors.InvalidArgumentError, match="file_name must be a name") as caught:
        await client.assets.upload(file_name=name, file_type="image/jpeg")

    assert (caught.value.field, transport.requests) == ("file_name", [])


async def test_files_are_uploaded_in_one_request(client: AsyncBluma, tmp_path: Path) -> None:
    """Conflict C-9: paths, bytes and file objects, in one multipart request."""
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"m" * 10)
    collection = await client.collections.create("c")
    named = io.BytesIO(b"p" * 30)
    named.name = "/x/picture.png"

    by_kind = await client.assets.upload(files=[path, str(path)], collection_id=collection.id)
    given = await client.assets.upload([b"j" * 20, named], file_type="image/jpeg")
    guessed = await client.assets.upload([named], None) if named.seek(0) == 0 else []

    assert [(asset.name, asset.file_type, asset.file_size_bytes) for asset in by_kind] == [
        ("clip.mp4", "video/mp4", 10)
    ] * 2
    assert [(asset.name, asset.file_type, asset.file_size_bytes) for asset in given] == [
        ("file-0", "image/jpeg", 20),
        ("picture.png", "image/jpeg", 30),
    ]
    assert guessed[0].file_type == "image/png"
    assert (await client.collections.get(collection.id)).asset_count == 2


async def test_files_are_read_again_for_each_attempt(sandbox: Sandbox, client: AsyncBluma) -> None:
    """A retry sends the whole file again."""
    sandbox.faults.add("POST /assets/upload", "status", status=500, times=2)

    assets = await client.assets.upload(files=[b"x" * 100], file_type="image/png")

    assert assets[0].file_size_bytes == 100
    assert len(sandbox.requests) == 3


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"files": [b"x"], "file_name": "x"},
        {"files": []},
        {"files": "x.jpg"},
        {"files": [b"x"] * 21},
        {"files": ["/nothing/here.jpg"]},
        {"files": [io.StringIO("text")]},
        {"file_name": "x"},
        {"file_name": "", "file_type": "image/png"},
        {"file_name": "x", "file_type": "image/png", "collection_ids": "coll_1"},
    ],
)
async def test_an_invalid_upload_is_refused(arguments: Any) -> None:
    """Invalid arguments of an upload are refused before any request."""
    client, transport, _ = client_with(answer(200, {}))

    with pytest.raises(errors.InvalidArgumentError):
        await client.assets.upload(**arguments)

    assert transport.requests == []


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
async def test_the_reason_for_a_refused_path_is_true(tmp_path: Path) -> None:
    """A pipe or a folder exists, but is no file that could be read twice."""
    client, _, _ = client_with()
    os.mkfifo(tmp_path / "pipe")

    for path, reason in ((tmp_path / "pipe", "is not a regular file"), (tmp_path, "is not a regular file")):
        with pytest.raises(errors.InvalidArgumentError, match=reason):
            await client.assets.upload(files=[path])
    with pytest.raises(errors.InvalidArgumentError, match="There is no file"):
        await client.assets.upload(files=[tmp_path / "none"])


async def test_an_asset_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file over 100 MB is not sent."""
    client, transport, _ = client_with(answer(200, {}))

    with pytest.raises(errors.InvalidArgumentError, match="100000000"):
        await client.assets.upload(files=[bytes(100 * 10**6 + 1)])

    assert transport.requests == []


async def test_assets_are_found_renamed_deleted_and_recovered(client: AsyncBluma) -> None:
    """Items 86 to 91: filters by family and MIME type, random assets, recoverable deletes."""
    picture = (await client.assets.upload(files=[b"1"], file_type="image/jpeg"))[0]
    other = (await client.assets.upload(files=[b"2"], file_type="image/png"))[0]
    sound = (await client.assets.upload(files=[b"3"], file_type="audio/mpeg"))[0]

    async def names(**filters: Any) -> List[str]:
        return sorted(asset.id for asset in await client.assets.list(**filters))

    await client.assets.delete(sound.id)

    assert await names(file_type="image") == sorted([picture.id, other.id])
    assert await names(file_type="image/jpeg") == [picture.id]
    assert await names() == sorted([picture.id, other.id])
    assert sound.id in await names(include_deleted=True)
    assert (await client.assets.get_random("image", used_asset_ids=[picture.id])).id == other.id
    assert (await client.assets.rename(picture.id, "New")).name == "New"
    assert (await client.assets.recover(sound.id)).deleted_at is None
    with pytest.raises(errors.NotFoundError):
        await client.assets.get_random("video")
    for wrong in ({"used_asset_ids": "asset_1"}, {"file_type": ""}):
        with pytest.raises(errors.InvalidArgumentError):
            await client.assets.get_random(**{"file_type": "image", **wrong})
