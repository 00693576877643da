"""Paths that are not files, and files beside them that somebody has planted: refused, or never followed."""

from __future__ import annotations

import asyncio
import json
import os
import stat
import sys
from pathlib import Path
from typing import Any

import pytest

from bluma_async import errors
from tests.hostile.file_server import CONTENT, TAG, VIDEO_ID, Exchange, client_of, hosting
from tests.hostile.places import PRECIOUS, SPECIAL, put_hard_link, read_victim
from tests.transfer.boxes import make_mp4

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there are no pipes, links and devices in folders")


async def honest(exchange: Exchange) -> None:
    """Send the file."""
    await exchange.send_rest()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a folder that the test may fill; files of others are beside it."""
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


def name_of(kind: str) -> str:
    """Return the kind as errors name it."""
    return kind.partition(" to ")[0]


@pytest.mark.parametrize("overwrite", [True, False])
@pytest.mark.parametrize("kind", SPECIAL)
async def test_a_target_that_is_no_file_is_refused(folder: Path, kind: str, overwrite: bool) -> None:
    """Save and generate refuse it with the reason before anything is sent, and leave it as it is."""
    target = folder / "x.mp4"
    SPECIAL[kind](target)
    before = target.lstat()

    async with hosting(honest) as hostile, client_of(hostile) as client:
        for work in (
            client.videos.save(VIDEO_ID, target, overwrite=overwrite),
            client.videos.generate({"prompt": "x"}, "t", save_to=target, overwrite=overwrite),
        ):
            with pytest.raises(errors.InvalidArgumentError, match=f"is {name_of(kind)}.*Nothing was sent"):
                await work

    assert (hostile.requests, os.listdir(folder)) == ([], ["x.mp4"])  # noqa: PTH208 - names, at once
    assert (target.lstat().st_ino, target.lstat().st_mode) == (before.st_ino, before.st_mode)
    assert read_victim(target) == PRECIOUS


async def test_a_device_is_refused(folder: Path) -> None:
    """A null device stays a device, although root could replace it."""
    null = folder / "null"  # not the machine's own: it would be replaced if the check failed
    try:
        os.mknod(null, stat.S_IFCHR | 0o666, os.makedev(1, 3))
    except PermissionError:
        pytest.skip("only root makes devices, and only root could replace one")

    async with hosting(honest) as hostile, client_of(hostile) as client:
        with pytest.raises(errors.InvalidArgumentError, match="is a device"):
            await client.videos.save(VIDEO_ID, null, overwrite=True)

    assert hostile.requests == []
    assert stat.S_ISCHR(null.stat().st_mode)


@pytest.mark.parametrize("suffix", [".part", ".part.json", ".part.lock"])
@pytest.mark.parametrize("kind", SPECIAL)
async def test_a_file_beside_the_target_that_is_none_is_refused(folder: Path, kind: str, suffix: str) -> None:
    """A link is not followed, and a pipe is not waited for: the call fails at once, and nothing is sent."""
    planted = folder / f"x.mp4{suffix}"
    SPECIAL[kind](planted)
    before = planted.lstat()

    async with hosting(honest) as hostile, client_of(hostile) as client:
        with pytest.raises(errors.InvalidArgumentError, match=f"is {name_of(kind)}"):
            await client.videos.save(VIDEO_ID, folder / "x.mp4")

    assert (hostile.requests, os.listdir(folder)) == ([], [planted.name])  # noqa: PTH208 - names, at once
    assert (planted.lstat().st_ino, planted.lstat().st_mode) == (before.st_ino, before.st_mode)
    assert read_victim(planted) == PRECIOUS


def plant_version(folder: Path) -> None:
    """Write the version that the server has, as if a download had been interrupted."""
    version = {"source": VIDEO_ID, "etag": TAG, "size": len(CONTENT)}
    (folder / "x.mp4.part.json").write_text(json.dumps(version))


async def test_a_part_that_is_a_second_name_of_a_file_is_not_continued(folder: Path) -> None:
    """The victim of a hard link with a planted version keeps its content; the download starts over beside it."""
    put_hard_link(folder / "x.mp4.part")
    plant_version(folder)

    async with hosting(honest) as hostile, client_of(hostile) as client:
        await client.videos.save(VIDEO_ID, folder / "x.mp4")

    assert read_victim(folder / "x.mp4") == PRECIOUS
    assert (folder / "x.mp4").read_bytes() == CONTENT
    assert b"Range:" not in b"".join(hostile.heads)


async def test_a_part_of_another_user_is_not_continued(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its owner could change the bytes; the download starts over in a new file."""
    (folder / "x.mp4.part").write_bytes(b"evil")
    plant_version(folder)
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)

    with (folder / "x.mp4.part").open("rb") as theirs:  # open, so that no new file gets its number
        async with hosting(honest) as hostile, client_of(hostile) as client:
            await client.videos.save(VIDEO_ID, folder / "x.mp4")

        assert (folder / "x.mp4").read_bytes() == CONTENT
        assert (folder / "x.mp4").stat().st_ino != os.fstat(theirs.fileno()).st_ino


@pytest.mark.parametrize("version", [b"", b"[]", b"{}", b'"one"', b'{"source": 1}', b"\xff", b"[" * 8000, b"x" * 10**6])
async def test_a_version_that_cannot_be_read_is_unknown(folder: Path, version: bytes) -> None:
    """Bytes of an unknown version are not continued, and the file is saved."""
    (folder / "x.mp4.part").write_bytes(b"unknown")
    (folder / "x.mp4.part.json").write_bytes(version)

    async with hosting(honest) as hostile, client_of(hostile) as client:
        await client.videos.save(VIDEO_ID, folder / "x.mp4")

    assert (folder / "x.mp4").read_bytes() == CONTENT
    assert os.listdir(folder) == ["x.mp4"]  # noqa: PTH208 - names, at once


async def test_a_target_that_appears_during_the_download_is_not_replaced(folder: Path) -> None:
    """The whole video stays beside it, and the error says where."""
    target = folder / "x.mp4"

    async def script(exchange: Exchange) -> None:
        target.write_bytes(PRECIOUS)
        await exchange.send_rest()

    async with hosting(script) as hostile, client_of(hostile) as client:
        with pytest.raises(errors.BlumaError, match=r"already there.*the whole video is in '.*x\.mp4\.part'") as caught:
            await client.videos.save(VIDEO_ID, target)

    assert (caught.value.video_id, target.read_bytes()) == (VIDEO_ID, PRECIOUS)
    assert (folder / "x.mp4.part").read_bytes() == CONTENT


async def test_a_part_that_is_exchanged_during_the_download_is_not_renamed(folder: Path) -> None:
    """Another program that moves its own file to the path of the bytes does not get it saved as the video."""
    large = make_mp4(bytes(3 * 2**20))

    async def script(exchange: Exchange) -> None:
        await exchange.send_head(Content_Length=len(large))
        await exchange.send(large[:-100])
        while not (folder / "x.mp4.part").exists():
            await asyncio.sleep(0.01)
        (folder / "other").write_bytes(b"another file")
        (folder / "other").replace(folder / "x.mp4.part")
        await exchange.send(large[-100:])

    async with hosting(script, size=len(large)) as hostile, client_of(hostile) as client:
        with pytest.raises(errors.BlumaError, match="another program has changed it") as caught:
            await client.videos.save(VIDEO_ID, folder / "x.mp4")

    assert caught.value.video_id == VIDEO_ID
    assert not (folder / "x.mp4").exists()


@pytest.mark.parametrize("path", ["/proc/x.mp4", "a\0b", "x" * 300, "\ud800", 7, b"x.mp4"])
async def test_a_path_that_cannot_be_written_is_refused(folder: Path, path: Any) -> None:
    """Generate bills nothing: a folder that takes no files, an invalid path, a name that is too long."""
    target = folder / path if isinstance(path, str) and not path.startswith("/") else path

    async with hosting(honest) as hostile, client_of(hostile) as client:
        with pytest.raises(errors.InvalidArgumentError, match="Nothing was sent"):
            await client.videos.generate({"prompt": "x"}, "t", save_to=target)
        with pytest.raises(errors.InvalidArgumentError, match="Nothing was sent"):
            await client.videos.save(VIDEO_ID, target)

    assert (hostile.requests, os.listdir(folder)) == ([], [])  # noqa: PTH208 - names, at once
