"""Files that are not what the API described: none is saved as a success, and each can be taken nevertheless."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional

import pytest

from bluma_async import errors
from tests.hostile.file_server import CONTENT, TAG, VIDEO_ID, Exchange, Script, client_of, hosting

HTML = b"<!doctype html><title>Sign in</title>"


def whole(body: bytes, **headers: Any) -> Script:
    """Return the script of a host that sends a body with its length."""

    async def script(exchange: Exchange) -> None:
        await exchange.send_head(Content_Length=len(body), **headers)
        await exchange.send(body)

    return script


def unmeasured(body: bytes, **headers: Any) -> Script:
    """Return the script of a host that sends a body without a length, which the end of the connection ends."""

    async def script(exchange: Exchange) -> None:
        await exchange.send_head(Connection="close", **headers)
        await exchange.send(body)
        exchange.close()

    return script


def chunked(body: bytes, **headers: Any) -> Script:
    """Return the script of a host that sends a body in one chunk, and marks its end."""

    async def script(exchange: Exchange) -> None:
        await exchange.send_head(Transfer_Encoding="chunked", **headers)
        await exchange.send((b"%x\r\n%b\r\n" % (len(body), body) if body else b"") + b"0\r\n\r\n")

    return script


def names(folder: Path) -> List[str]:
    """Return the names of the files in a folder."""
    return sorted(os.listdir(folder))  # noqa: PTH208 - names, at once


WRONG: Dict[str, Script] = {
    "a login page": whole(HTML, Content_Type="text/html"),
    "a login page as an MP4": whole(HTML, Content_Type="video/mp4"),
    "a login page without a length": unmeasured(HTML, Content_Type="text/html"),
    "a login page without a type": chunked(HTML),
    "JSON": chunked(b'{"error": "no"}', Content_Type="application/json"),
    "0 bytes": whole(b""),
    "0 bytes in no chunk": chunked(b""),
    "garbage": whole(b"\1" * 500, Content_Type="Video/MP4"),
    "a cut body without a length": unmeasured(CONTENT[:100], Content_Type="video/mp4"),
    "a cut body in chunks": chunked(CONTENT[:100], Content_Type="video/mp4"),
    "a body that is too long": chunked(CONTENT + b"more", Content_Type="video/mp4"),
}


@pytest.mark.parametrize("verify", ["size", "container"])
@pytest.mark.parametrize("kind", WRONG)
async def test_a_wrong_file_is_not_saved(tmp_path: Path, kind: str, verify: Any) -> None:
    """The error names the video, what is wrong, and the way to take the file; there is no file at the path."""
    async with hosting(WRONG[kind]) as hostile, client_of(hostile, max_retries=1) as client:
        with pytest.raises((errors.FileContentError, errors.NetworkError), match='verify="none"') as caught:
            await client.videos.save(VIDEO_ID, tmp_path / "x.mp4", verify=verify)

    assert "x.mp4" not in names(tmp_path)
    assert (caught.value.video_id, VIDEO_ID in str(caught.value)) == (VIDEO_ID, True)
    assert hostile.fetches <= 2


@pytest.mark.parametrize("kind", WRONG)
async def test_any_file_can_be_taken(tmp_path: Path, kind: str) -> None:
    """With `verify="none"` the body is saved as it is, without another request for its size."""
    async with hosting(WRONG[kind]) as hostile, client_of(hostile) as client:
        size = await client.videos.save(VIDEO_ID, tmp_path / "x.mp4", verify="none")

    assert (tmp_path / "x.mp4").stat().st_size == size
    assert names(tmp_path) == ["x.mp4"]
    assert hostile.requests == [f"GET /videos/{VIDEO_ID}/download", "GET /file?signature=SECRET"]


UNKNOWN: Dict[str, Callable[[], Script]] = {
    "a login page": lambda: WRONG["a login page"],
    "a login page without a length": lambda: WRONG["a login page without a length"],
    "a login page without a type": lambda: WRONG["a login page without a type"],
    "JSON": lambda: WRONG["JSON"],
    "0 bytes": lambda: WRONG["0 bytes"],
    "garbage": lambda: WRONG["garbage"],
    "a cut body without a length": lambda: WRONG["a cut body without a length"],
}


@pytest.mark.parametrize("kind", UNKNOWN)
async def test_a_wrong_file_is_refused_without_a_known_size(tmp_path: Path, kind: str) -> None:
    """If the API describes no size, what cannot be a video is refused; without any length the container decides."""
    async with hosting(UNKNOWN[kind](), size=None) as hostile, client_of(hostile, max_retries=0) as client:
        with pytest.raises(errors.FileContentError, match='verify="none"'):
            await client.videos.save(VIDEO_ID, tmp_path / "x.mp4")

    assert "x.mp4" not in names(tmp_path)


@pytest.mark.parametrize("make", [whole, unmeasured, chunked])
@pytest.mark.parametrize("size", [len(CONTENT), None, 0])
@pytest.mark.parametrize("verify", ["size", "container", "none"])
async def test_a_right_file_is_saved(tmp_path: Path, make: Any, size: Optional[int], verify: Any) -> None:
    """In each form in which a host can send it, and whether or not its size is known."""
    async with hosting(make(CONTENT), size=size) as hostile, client_of(hostile) as client:
        assert await client.videos.save(VIDEO_ID, tmp_path / "x.mp4", verify=verify) == len(CONTENT)

    assert (tmp_path / "x.mp4").read_bytes() == CONTENT
    assert names(tmp_path) == ["x.mp4"]


async def test_a_file_whose_size_is_described_wrongly_is_kept_and_taken(tmp_path: Path) -> None:
    """A body that goes on is kept as a part; `verify="none"` continues it, and fetches no byte twice."""
    begun: List[int] = []

    async def script(exchange: Exchange) -> None:
        begun.append(exchange.begin)
        if exchange.number:
            await exchange.send_rest()
        else:
            await chunked(CONTENT, ETag=TAG)(exchange)

    async with hosting(script, size=5000) as hostile, client_of(hostile) as client:
        with pytest.raises(errors.FileContentError, match="more than 5000 bytes") as caught:
            await client.videos.save(VIDEO_ID, tmp_path / "x.mp4")
        part = Path(caught.value.part or "")
        held = part.read_bytes()
        await client.videos.save(VIDEO_ID, tmp_path / "x.mp4", verify="none")

    assert (part.name, len(held) > 5000, CONTENT.startswith(held)) == ("x.mp4.part", True, True)
    assert begun == [0, len(held)]
    assert (tmp_path / "x.mp4").read_bytes() == CONTENT
    assert names(tmp_path) == ["x.mp4"]


async def test_a_damaged_container_is_kept_and_taken(tmp_path: Path) -> None:
    """The size is right: the default takes it. The container is not: its bytes stay, and can be taken."""
    damaged = CONTENT[:-8] + b"\0" * 8
    damaged = damaged.replace(b"mdat", b"mdaT")

    async def script(exchange: Exchange) -> None:
        if exchange.begin == len(damaged):
            await exchange.send_head(416, Content_Range=f"bytes */{len(damaged)}", Content_Length=0)
        else:
            await exchange.send_rest(damaged)

    async with hosting(script) as hostile, client_of(hostile) as client:
        with pytest.raises(errors.FileContentError, match="no mdat box") as caught:
            await client.videos.save(VIDEO_ID, tmp_path / "x.mp4", verify="container")
        assert Path(caught.value.part or "").read_bytes() == damaged
        assert hostile.fetches == 1
        await client.videos.save(VIDEO_ID, tmp_path / "x.mp4")

    assert (tmp_path / "x.mp4").read_bytes() == damaged
    assert names(tmp_path) == ["x.mp4"]


async def test_a_whole_file_without_a_version_is_kept_too(tmp_path: Path) -> None:
    """Bytes that cannot be continued are kept if they are all there: the user may take them from the part."""
    damaged = CONTENT.replace(b"mdat", b"mdaT")

    async with hosting(whole(damaged)) as hostile, client_of(hostile) as client:
        with pytest.raises(errors.FileContentError, match="no mdat box") as caught:
            await client.videos.save(VIDEO_ID, tmp_path / "x.mp4", verify="container")

    assert caught.value.part == str(tmp_path / "x.mp4.part")
    assert (tmp_path / "x.mp4.part").read_bytes() == damaged
    assert f"The bytes are in '{caught.value.part}'" in str(caught.value)


async def test_a_page_that_comes_once_is_no_reason_to_give_up(tmp_path: Path) -> None:
    """An answer that cannot be the file by its head is retried like a failure of the server."""

    async def script(exchange: Exchange) -> None:
        await (exchange.send_rest() if exchange.number else WRONG["a login page"](exchange))

    async with hosting(script) as hostile, client_of(hostile) as client:
        assert await client.videos.save(VIDEO_ID, tmp_path / "x.mp4") == len(CONTENT)


async def test_a_body_without_a_length_that_ends_early_is_continued(tmp_path: Path) -> None:
    """The end of the connection may be a cut: the rest is fetched, as long as the API described more bytes."""

    async def script(exchange: Exchange) -> None:
        await (exchange.send_rest() if exchange.number else unmeasured(CONTENT[:5000], ETag=TAG)(exchange))

    async with hosting(script) as hostile, client_of(hostile) as client:
        assert await client.videos.save(VIDEO_ID, tmp_path / "x.mp4") == len(CONTENT)

    assert (tmp_path / "x.mp4").read_bytes() == CONTENT
    assert b"Range: bytes=5000-" in hostile.heads[-1]


async def test_a_compressed_body_is_measured_as_it_is_decoded(tmp_path: Path) -> None:
    """A host that compresses although it was asked not to: its Content-Length is that of another body."""
    import gzip

    packed = gzip.compress(CONTENT)

    async with hosting(whole(packed, Content_Encoding="gzip", ETag=TAG)) as hostile, client_of(hostile) as client:
        assert await client.videos.save(VIDEO_ID, tmp_path / "x.mp4") == len(CONTENT)

    assert (tmp_path / "x.mp4").read_bytes() == CONTENT


async def test_a_word_for_verify_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    """An invalid `verify` is refused before anything is sent or created."""
    async with hosting(WRONG["JSON"]) as hostile, client_of(hostile) as client:
        with pytest.raises(errors.InvalidArgumentError, match="verify must be one of"):
            await client.videos.save(VIDEO_ID, tmp_path / "x.mp4", verify="all")  # type: ignore[arg-type]  # invalid
        with pytest.raises(errors.InvalidArgumentError, match="verify must be one of"):
            await client.videos.generate({}, "t", save_to=tmp_path / "x", verify="all")  # type: ignore[arg-type]  # invalid
        with pytest.raises(errors.InvalidArgumentError, match="verify must be one of"):
            client.batch(out=tmp_path, verify="all")  # type: ignore[arg-type]  # invalid

    assert (hostile.requests, names(tmp_path)) == ([], [])
