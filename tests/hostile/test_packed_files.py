"""Files whose host compresses them although it was asked not to."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path
from typing import AsyncIterator

import pytest

from bluma_async import errors
from bluma_async._session.bodies import inflate
from bluma_async.types import Video, VideoStatus
from tests.hostile.file_server import VIDEO_ID, Exchange, client_of, hosting

MOST = 1000
CONTENT = b"x" * 50 * MOST


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
async def test_a_piece_of_a_file_is_unpacked_step_by_step(coding: str) -> None:
    """However much a piece grows to, the memory holds a bounded part of it."""
    packed = gzip.compress(CONTENT) if coding == "gzip" else zlib.compress(CONTENT)

    async def pieces() -> AsyncIterator[bytes]:
        yield packed[:20]
        yield packed[20:]

    found = [piece async for piece in inflate(pieces(), coding, MOST)]

    assert b"".join(found) == CONTENT
    assert max(map(len, found)) <= MOST


async def test_a_cut_body_is_an_error() -> None:
    """The end of a packed body shows whether all of the file arrived, also where no size is known."""

    async def pieces() -> AsyncIterator[bytes]:
        yield gzip.compress(CONTENT)[:-10]

    with pytest.raises(errors.NetworkError, match="gzip body is cut"):
        [piece async for piece in inflate(pieces(), "gzip", MOST)]


async def test_a_file_that_cannot_be_unpacked_is_not_saved(tmp_path: Path) -> None:
    """The error names the coding, and there is no file."""
    video = Video(id=VIDEO_ID, status=VideoStatus.COMPLETED, size_bytes=5)

    async def script(exchange: Exchange) -> None:
        await exchange.send_head(Content_Length=5, Content_Encoding="gzip")
        await exchange.send(b"12345")

    async with hosting(script) as hostile, client_of(hostile) as client:
        with pytest.raises(errors.NetworkError, match="no valid gzip"):
            await client.videos.save(video, tmp_path / "x.mp4")

    assert list(tmp_path.iterdir()) == []
