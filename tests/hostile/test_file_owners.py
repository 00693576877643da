"""Two saves to one path, in one program or in two, and bytes of two videos: nothing is mixed or misreported."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, List

import pytest

from bluma_async import errors
from tests.blocking.processes import ROOT
from tests.hostile.file_server import CONTENT, TAG, VIDEO_ID, Exchange, client_of, hosting
from tests.transfer.boxes import make_mp4

LARGE = make_mp4(bytes(3 * 2**20))  # its first 2 MiB are written while the rest is awaited
OTHER = make_mp4(b"\7" * 70_000)


def names(folder: Path) -> List[str]:
    """Return the names of the files in a folder."""
    return sorted(os.listdir(folder))  # noqa: PTH208 - names, at once


async def honest(exchange: Exchange) -> None:
    """Send the file."""
    await exchange.send_rest()


@pytest.mark.parametrize("overwrite", [True, False])
async def test_the_second_save_to_a_path_is_refused(tmp_path: Path, overwrite: bool) -> None:
    """The first one ends as if it were alone; the second one ends at once, and sends nothing."""
    gate = asyncio.Event()

    async def script(exchange: Exchange) -> None:
        await gate.wait()
        await exchange.send_rest()

    (tmp_path / "folder").mkdir()
    async with hosting(script) as hostile, client_of(hostile) as client:
        first = asyncio.ensure_future(client.videos.save(VIDEO_ID, tmp_path / "x.mp4", overwrite=overwrite))
        while not hostile.fetches:
            await asyncio.sleep(0.01)
        for path in ("x.mp4", "folder/../x.mp4"):
            with pytest.raises(errors.InvalidArgumentError, match="is being saved by another call of this program"):
                await client.videos.save("batch_2", tmp_path / path, overwrite=overwrite)
        with pytest.raises(errors.InvalidArgumentError, match="is being saved by another call"):
            await client.videos.generate({}, "t", save_to=tmp_path / "x.mp4", overwrite=overwrite)
        gate.set()

        assert await first == len(CONTENT)
        assert await client.videos.save(VIDEO_ID, tmp_path / "x.mp4", overwrite=True) == len(CONTENT)
    assert (tmp_path / "x.mp4").read_bytes() == CONTENT
    assert names(tmp_path) == ["folder", "x.mp4"]
    assert "batch_2" not in str(hostile.requests)


async def test_many_saves_to_one_path_have_one_winner_at_a_time(tmp_path: Path) -> None:
    """Of twenty simultaneous saves each returns the size of the whole file, or is refused."""
    async with hosting(honest) as hostile, client_of(hostile) as client:
        saves = (client.videos.save(VIDEO_ID, tmp_path / "x.mp4", overwrite=True) for _ in range(20))
        ends = await asyncio.gather(*saves, return_exceptions=True)

    assert {end for end in ends if isinstance(end, int)} == {len(CONTENT)}
    assert {type(end) for end in ends if not isinstance(end, int)} <= {errors.InvalidArgumentError}
    assert names(tmp_path) == ["x.mp4"]


SAVE = """
import sys
from bluma import Bluma
from bluma.errors import BlumaError
with Bluma("bluma_test_key", base_url=sys.argv[1], trust_env=False) as client:
    try:
        print(client.videos.save("batch_1", sys.argv[2], overwrite=True))
    except BlumaError as error:
        print(type(error).__name__, error)
"""


async def run_elsewhere(base_url: str, path: Path) -> asyncio.subprocess.Process:
    """Start a program that saves the video to a path."""
    command = [sys.executable, "-c", SAVE, base_url, str(path)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, env=environment)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such signal")
async def test_another_program_is_refused_until_the_first_has_ended(tmp_path: Path) -> None:
    """The system releases the path of a program that is killed; the next one continues its bytes."""

    async def script(exchange: Exchange) -> None:
        if exchange.number:
            await exchange.send_rest(LARGE)
        else:
            await exchange.send_head(Content_Length=len(LARGE), ETag=TAG)
            await exchange.send(LARGE[:-1000])
            await asyncio.sleep(3600)

    async with hosting(script, size=len(LARGE)) as hostile, client_of(hostile, max_retries=0) as client:
        killed = await run_elsewhere(hostile.base_url, tmp_path / "x.mp4")
        while not (tmp_path / "x.mp4.part").exists() or (tmp_path / "x.mp4.part").stat().st_size < 2**21:
            await asyncio.sleep(0.01)
        refused = await (await run_elsewhere(hostile.base_url, tmp_path / "x.mp4")).communicate()
        with pytest.raises(errors.InvalidArgumentError, match="is being saved by another program"):
            await client.videos.save(VIDEO_ID, tmp_path / "x.mp4", overwrite=True)
        killed.send_signal(signal.SIGKILL)
        await killed.communicate()

        assert refused[0].startswith(b"InvalidArgumentError")
        assert await client.videos.save(VIDEO_ID, tmp_path / "x.mp4") == len(LARGE)
    assert (tmp_path / "x.mp4").read_bytes() == LARGE
    assert names(tmp_path) == ["x.mp4"]
    assert b"Range: bytes=2" in hostile.heads[-1]


def begin(folder: Path, video_id: str, tag: str, body: bytes, size: Any = None) -> None:
    """Leave a download behind, as a program does that was killed."""
    (folder / "x.mp4.part").write_bytes(body)
    (folder / "x.mp4.part.json").write_text(json.dumps({"source": video_id, "etag": tag, "size": size}))


@pytest.mark.parametrize("tag", [TAG, '"2"'])
async def test_bytes_of_another_video_are_not_continued(tmp_path: Path, tag: str) -> None:
    """Also if the hosts give both the same ETag, and ignore `If-Range`."""
    begin(tmp_path, "batch_0", tag, OTHER[:1000])

    async with hosting(honest) as hostile, client_of(hostile) as client:
        await client.videos.save(VIDEO_ID, tmp_path / "x.mp4")

    assert (tmp_path / "x.mp4").read_bytes() == CONTENT
    assert b"Range:" not in b"".join(hostile.heads)


@pytest.mark.parametrize(("tag", "size"), [('"2"', None), (TAG, len(OTHER))], ids=["tag", "size"])
async def test_bytes_of_another_version_are_not_continued(tmp_path: Path, tag: str, size: Any) -> None:
    """A host that ignores `If-Range` sends the rest of another version: it has another ETag or size, and is dropped."""
    begin(tmp_path, VIDEO_ID, tag, OTHER[:1000], size)

    async with hosting(honest) as hostile, client_of(hostile) as client:
        await client.videos.save(VIDEO_ID, tmp_path / "x.mp4")

    assert (tmp_path / "x.mp4").read_bytes() == CONTENT
    assert hostile.fetches == 2


async def test_two_generates_to_one_path_are_billed_once(tmp_path: Path) -> None:
    """The second one is refused before its create, although the first one has not begun to save."""
    begun, gate = asyncio.Event(), asyncio.Event()

    async def hold(_: Any) -> None:
        begun.set()
        await gate.wait()

    async with hosting(honest) as hostile, client_of(hostile) as client:
        slow = client.with_options(on_request=hold)
        first = asyncio.ensure_future(slow.videos.generate({"prompt": "x"}, "t", save_to=tmp_path / "x.mp4"))
        await begun.wait()
        with pytest.raises(errors.InvalidArgumentError, match="Nothing was sent"):
            await client.videos.generate({"prompt": "y"}, "t", save_to=tmp_path / "x.mp4")
        gate.set()
        await first

    assert sum(request.startswith("POST") for request in hostile.requests) == 1
    assert (tmp_path / "x.mp4").read_bytes() == CONTENT
