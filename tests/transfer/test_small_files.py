"""Files that are in memory as a whole before their first byte is written."""

from __future__ import annotations

from pathlib import Path
from typing import List

import pytest

from bluma_async import errors
from bluma_async._runtime.threads import in_thread
from tests.fakes import answer, client_with
from tests.transfer.hosts import SIGNED, TAG, VIDEO, WHOLE, asked, cut, names, rest, served


async def test_a_small_file_is_not_fetched_again_after_a_refusal(tmp_path: Path) -> None:
    """Its version was not written before its bytes, but is written when the save ends without a file."""
    other = bytes(len(WHOLE))
    mislabelled = answer(200, other, {"ETag": TAG, "Content-Type": "video/mp4"})
    client, _, _ = client_with(SIGNED, mislabelled, max_retries=0)
    with pytest.raises(errors.FileContentError, match="labelled as an MP4"):
        await client.videos.save(VIDEO, tmp_path / "x.mp4")
    assert names(tmp_path) == ["x.mp4.part", "x.mp4.part.json"]

    second, transport, _ = client_with(SIGNED, answer(416, b"", {"Content-Range": f"bytes */{len(other)}"}))
    assert await second.videos.save(VIDEO, tmp_path / "x.mp4") == len(other)

    assert asked(transport) == [{"Range": f"bytes={len(other)}-", "If-Range": TAG}]
    assert names(tmp_path) == ["x.mp4"]


async def test_a_small_file_needs_no_version_on_the_disk(tmp_path: Path) -> None:
    """All its bytes are in memory before the first one is written; one that is cut off has a version."""
    part, version, lock = "x.mp4.part", "x.mp4.part.json", "x.mp4.part.lock"
    seen: List[List[str]] = []

    async def look(*_: object) -> None:
        seen.append(await in_thread(names, tmp_path))

    client, _, _ = client_with(SIGNED, cut(1000), rest(1000), SIGNED, served())
    await client.videos.save(VIDEO, tmp_path / "x.mp4", on_progress=look)
    assert seen == [[part, version, lock]] * 2

    await client.videos.save(VIDEO, tmp_path / "x.mp4", overwrite=True, on_progress=look)
    assert seen[2:] == [["x.mp4", part, lock]]


async def test_an_empty_file_can_be_taken(tmp_path: Path) -> None:
    """Its body has no piece that could be written."""
    client, _, _ = client_with(SIGNED, served(b""))

    assert await client.videos.save(VIDEO, tmp_path / "x.mp4", verify="none") == 0

    assert (names(tmp_path), (tmp_path / "x.mp4").stat().st_size) == (["x.mp4"], 0)
