"""Files whose host compresses them although it was asked not to."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path
from typing import AsyncIterator, List, Mapping

import pytest

from bluma_async import errors
from bluma_async._session.bodies import MOST_MEMBERS, BodyError, decompress, inflate
from bluma_async.types import Video, VideoStatus
from tests.hostile.file_server import VIDEO_ID, Exchange, client_of, hosting
from tests.transfer.boxes import make_mp4

MOST = 1000
CONTENT = b"x" * 50 * MOST


RAW = zlib.compressobj(wbits=-zlib.MAX_WBITS)
PACKED: Mapping[str, bytes] = {
    "gzip": gzip.compress(CONTENT),
    "deflate": zlib.compress(CONTENT),
    "deflate without a header": RAW.compress(CONTENT) + RAW.flush(),
    "gzip of three members": gzip.compress(CONTENT[:7]) + gzip.compress(CONTENT[7:]) + gzip.compress(b""),
    "gzip of 5000 members": b"".join(
        gzip.compress(CONTENT[place : place + 10]) for place in range(0, len(CONTENT), 10)
    ),
}
TRAILING: Mapping[str, bytes] = {
    "gzip and text": PACKED["gzip"] + b"more",
    "gzip and zeros": PACKED["gzip"] + bytes(8),
    "gzip and deflate": PACKED["gzip"] + PACKED["deflate"],
    "deflate and deflate": PACKED["deflate"] * 2,
    "deflate without a header and a byte": PACKED["deflate without a header"] + b"x",
}


async def unpack(packed: bytes, step: int, most: int = MOST) -> List[bytes]:
    """Return the pieces that a packed body, which arrives in pieces of `step` bytes, is decompressed to."""

    async def pieces() -> AsyncIterator[bytes]:
        for place in range(0, len(packed), step):
            yield packed[place : place + step]

    return [piece async for piece in inflate(pieces(), "gzip", most)]


@pytest.mark.parametrize("kind", PACKED)
@pytest.mark.parametrize("step", [1, 20, 2**20])
async def test_a_piece_of_a_file_is_unpacked_step_by_step(kind: str, step: int) -> None:
    """However much a piece grows to, the memory holds a bounded part of it; no member and no byte is left out."""
    found = await unpack(PACKED[kind], step)

    assert b"".join(found) == CONTENT
    assert max(map(len, found)) <= MOST


@pytest.mark.parametrize("kind", PACKED)
def test_answers_and_files_have_one_decoder(kind: str) -> None:
    """A whole answer is read like a file."""
    assert decompress(PACKED[kind], "gzip") == CONTENT


@pytest.mark.parametrize("kind", TRAILING)
@pytest.mark.parametrize("step", [1, 2**20])
async def test_bytes_behind_the_end_are_an_error(kind: str, step: int) -> None:
    """They are not a member: ignoring them could save a file that is cut."""
    with pytest.raises(errors.NetworkError, match="no valid gzip"):
        await unpack(TRAILING[kind], step)
    with pytest.raises(BodyError, match="no valid gzip"):
        decompress(TRAILING[kind], "gzip")


async def test_the_number_of_members_is_bounded() -> None:
    """A million empty members are twenty megabytes, and would block the event loop for long."""
    many = gzip.compress(b"") * (MOST_MEMBERS + 1)

    with pytest.raises(errors.NetworkError, match="more than 131072 members"):
        await unpack(many, 2**18)
    with pytest.raises(BodyError):
        decompress(many, "gzip")


async def test_a_piece_without_data_is_reported() -> None:
    """The reader measures the speed by the pieces: without them, members without data could arrive for ever."""
    assert await unpack(gzip.compress(b"") * 3, 20) == [b""] * 3


@pytest.mark.parametrize("kind", ["gzip", "deflate without a header", "gzip of three members"])
async def test_a_cut_body_is_an_error(kind: str) -> None:
    """The end of a packed body shows whether all of the file arrived, also where no size is known."""
    with pytest.raises(errors.NetworkError, match="gzip body is cut"):
        await unpack(PACKED[kind][:-10], 20)


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


async def test_a_file_of_several_members_is_saved_whole(tmp_path: Path) -> None:
    """The size is not known here: a file that ends with the first member would pass for a whole one."""
    content = make_mp4(CONTENT)
    packed = gzip.compress(content[:1000]) + gzip.compress(content[1000:])

    async def script(exchange: Exchange) -> None:
        await exchange.send_head(Content_Length=len(packed), Content_Encoding="gzip")
        await exchange.send(packed)

    async with hosting(script, size=None) as hostile, client_of(hostile) as client:
        size = await client.videos.save(VIDEO_ID, tmp_path / "x.mp4")

    assert (size, (tmp_path / "x.mp4").read_bytes()) == (len(content), content)
