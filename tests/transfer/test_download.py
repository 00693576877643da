"""Saving: after any failure the file is complete or absent, and bytes that arrived are not fetched again."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import List

import pytest

from bluma_async import AsyncBluma, errors
from bluma_async.sandbox import Sandbox
from bluma_async.types import Video, VideoStatus
from tests.blocking.processes import ROOT
from tests.fakes import answer, client_with
from tests.transfer.hosts import SIGNED, TAG, VIDEO, WHOLE, asked, begin, cut, names, rest, served


async def test_a_cut_is_continued(tmp_path: Path) -> None:
    """The next attempt requests the rest, of the same version only."""
    client, transport, clock = client_with(SIGNED, cut(1000), rest(1000))

    size = await client.videos.save(VIDEO, tmp_path / "x.mp4")

    assert ((tmp_path / "x.mp4").read_bytes(), size) == (WHOLE, len(WHOLE))
    assert asked(transport) == [{}, {"Range": "bytes=1000-", "If-Range": TAG}]
    assert clock.slept == [1]
    assert names(tmp_path) == ["x.mp4"]


async def test_a_later_program_continues(tmp_path: Path) -> None:
    """A second client continues the download that the first one left unfinished."""
    first, _, _ = client_with(SIGNED, cut(1000), max_retries=0)
    with pytest.raises(errors.NetworkError, match="1000 of 10240 bytes"):
        await first.videos.save(VIDEO, tmp_path / "x.mp4")
    assert names(tmp_path) == ["x.mp4.part", "x.mp4.part.json"]

    second, transport, _ = client_with(SIGNED, rest(1000))
    await second.videos.save(VIDEO, tmp_path / "x.mp4")

    assert (tmp_path / "x.mp4").read_bytes() == WHOLE
    assert asked(transport) == [{"Range": "bytes=1000-", "If-Range": TAG}]
    assert names(tmp_path) == ["x.mp4"]


@pytest.mark.parametrize("begun", [b"old", WHOLE[:500] + b"x" * 20_000])
async def test_another_version_starts_over(tmp_path: Path, begun: bytes) -> None:
    """A 200 for a range request means that the file has changed: its old bytes are dropped."""
    begin(tmp_path, begun, '"other"')
    client, transport, _ = client_with(SIGNED, served())

    await client.videos.save(VIDEO, tmp_path / "x.mp4")

    assert (tmp_path / "x.mp4").read_bytes() == WHOLE
    assert asked(transport) == [{"Range": f"bytes={len(begun)}-", "If-Range": '"other"'}]


async def test_bytes_of_no_known_version_are_not_continued(tmp_path: Path) -> None:
    """Without an ETag, bytes on disk are fetched again, and the bytes of a failed attempt are deleted."""
    (tmp_path / "x.mp4.part").write_bytes(b"unknown")
    client, transport, _ = client_with(SIGNED, cut(1000, tag=None), cut(2000, tag='W/"weak"'), served(tag=None))

    await client.videos.save(VIDEO, tmp_path / "x.mp4")

    assert (tmp_path / "x.mp4").read_bytes() == WHOLE
    assert asked(transport) == [{}, {}, {}]
    assert names(tmp_path) == ["x.mp4"]


async def test_a_complete_part_is_not_fetched_again(tmp_path: Path) -> None:
    """A program that was killed between the last byte and the rename only renames the file."""
    begin(tmp_path, WHOLE)
    client, _, _ = client_with(SIGNED, answer(416, b"", {"Content-Range": f"bytes */{len(WHOLE)}"}))

    assert await client.videos.save(VIDEO, tmp_path / "x.mp4") == len(WHOLE)

    assert (tmp_path / "x.mp4").read_bytes() == WHOLE
    assert names(tmp_path) == ["x.mp4"]


async def test_a_part_that_is_too_long_starts_over(tmp_path: Path) -> None:
    """A part that is longer than the file is deleted, and the file is fetched again."""
    begin(tmp_path, WHOLE + b"more")
    client, transport, _ = client_with(SIGNED, answer(416, b"", {"Content-Range": f"bytes */{len(WHOLE)}"}), served())

    await client.videos.save(VIDEO, tmp_path / "x.mp4")

    assert (tmp_path / "x.mp4").read_bytes() == WHOLE
    assert asked(transport)[1] == {}


@pytest.mark.parametrize("status", [403, 404, 410])
async def test_an_expired_link_is_signed_again_once(tmp_path: Path, status: int) -> None:
    """The second link is used; if it is refused too, the error is raised."""
    again = answer(200, {"download_url": "https://cdn/v1/y.mp4"})
    client, transport, _ = client_with(SIGNED, answer(status, b""), again, served())
    refused, _, _ = client_with(SIGNED, answer(status, b""), again, answer(status, b""))

    await client.videos.save(VIDEO, tmp_path / "x.mp4")
    with pytest.raises(errors.APIError) as raised:
        await refused.videos.save(VIDEO, tmp_path / "y.mp4")

    assert [request.url[-5:] for request in transport.requests if "cdn" in request.url] == ["x.mp4", "y.mp4"]
    assert raised.value.status == status
    assert names(tmp_path) == ["x.mp4"]


async def test_a_link_may_expire_after_each_progress(tmp_path: Path) -> None:
    """A large file on a slow line outlives several links; each is signed once."""
    expired = answer(403, b"")
    first, second = (
        cut(4000),
        answer(206, WHOLE[4000:8000], {"ETag": TAG, "Content-Range": rest(4000).headers["content-range"]}),
    )
    answers = (SIGNED, first, expired, SIGNED, second, expired, SIGNED, rest(8000))
    client, transport, _ = client_with(*answers)

    await client.videos.save(VIDEO, tmp_path / "x.mp4")

    assert (tmp_path / "x.mp4").read_bytes() == WHOLE
    assert len(asked(transport)) == 5


async def test_a_refused_link_says_how_the_save_goes_on(tmp_path: Path) -> None:
    """The host's words are kept, and the bytes and the call that continues are named."""
    client, _, _ = client_with(SIGNED, cut(4000), answer(403, b""), SIGNED, answer(403, b""))

    with pytest.raises(errors.ForbiddenError, match=r"403 Forbidden.* 4000 bytes are kept\. .*continue with client"):
        await client.videos.save(VIDEO, tmp_path / "x.mp4")


async def test_attempts_without_progress_are_limited(tmp_path: Path) -> None:
    """Three retries without a new byte are allowed; an attempt with progress starts the count again."""
    client, transport, clock = client_with(SIGNED, cut(10), errors.NetworkError("cut"))

    with pytest.raises(errors.NetworkError):
        await client.videos.save(VIDEO, tmp_path / "x.mp4")

    assert clock.slept == [1, 2, 4]
    assert len(asked(transport)) == 4
    assert (tmp_path / "x.mp4.part").read_bytes() == WHOLE[:10]


async def test_a_range_that_was_not_asked_for_is_refused(tmp_path: Path) -> None:
    """Bytes from another place than the requested one are not written."""
    begin(tmp_path, WHOLE[:100])
    client, _, _ = client_with(SIGNED, rest(50), max_retries=0)

    with pytest.raises(errors.NetworkError, match="bytes from byte 50"):
        await client.videos.save(VIDEO, tmp_path / "x.mp4")

    assert (tmp_path / "x.mp4.part").read_bytes() == WHOLE[:100]


async def test_cut_at_fifty_random_bytes(sandbox: Sandbox, client: AsyncBluma, tmp_path: Path) -> None:
    """Against the sandbox: every attempt gets a little further, and the final file is complete."""
    video = await client.videos.create({"prompt": "Test"}, "ugc-text-overlay")
    await sandbox.advance(105)
    await client.videos.save(video.id, tmp_path / "whole.mp4")
    dice = random.Random(7)
    percent = (tmp_path / "whole.mp4").stat().st_size // 100 + 1  # less would not be progress
    for _ in range(50):
        sandbox.faults.add("GET /cdn/{place}", "truncate", after=dice.randint(percent, 2 * percent))

    await client.videos.save(video.id, tmp_path / "cut.mp4")

    assert (tmp_path / "cut.mp4").read_bytes() == (tmp_path / "whole.mp4").read_bytes()
    assert names(tmp_path) == ["cut.mp4", "whole.mp4"]


LIMITED = """
import resource, sys
from bluma import Bluma
from bluma.errors import BlumaError
resource.setrlimit(resource.RLIMIT_FSIZE, (4200, 4200))
with Bluma() as client:
    try:
        client.videos.save(sys.argv[1], sys.argv[2])
    except BlumaError as error:
        print(error)
"""
KILLED = """
import os, signal, sys
from bluma import Bluma
with Bluma() as client:
    client.videos.save(sys.argv[1], sys.argv[2], on_progress=lambda *_: os.kill(os.getpid(), signal.SIGKILL))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such limits, and no such signal")
@pytest.mark.parametrize(("code", "exit_code"), [(LIMITED, 0), (KILLED, -signal.SIGKILL)], ids=["disk full", "kill -9"])
async def test_a_program_that_ends_half_way_leaves_no_partial_file(
    sandbox: Sandbox, client: AsyncBluma, tmp_path: Path, code: str, exit_code: int
) -> None:
    """After a full disk or a kill the file is absent, and saving again completes it."""
    video = await client.videos.create({"prompt": "Test"}, "ugc-text-overlay")
    await sandbox.advance(105)
    target = tmp_path / "x.mp4"
    environment = {"PYTHONPATH": str(ROOT), "BLUMA_API_KEY": sandbox.live_key, "BLUMA_BASE_URL": sandbox.base_url}

    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, video.id, str(target), stdout=subprocess.PIPE, env={**os.environ, **environment}
    )
    out, _ = await process.communicate()

    assert (process.returncode, target.exists()) == (exit_code, False)
    assert (
        code is KILLED
        or f"x.mp4.part' could not be written: File too large. Video {video.id} is not lost" in out.decode()
    )
    assert code is KILLED or (tmp_path / "x.mp4.part").stat().st_size == 4200
    assert await client.videos.save(video.id, target) == video_size(sandbox, video.id)
    assert names(tmp_path) == ["x.mp4"]


def video_size(sandbox: Sandbox, video_id: str) -> int:
    """Return the size of a video's file."""
    return int(sandbox._running.videos.need(video_id)["size_bytes"])


async def test_a_large_file_is_written_by_batches(tmp_path: Path) -> None:
    """Progress is reported after each batch, and an exception of `on_progress` ends the call."""
    large = b"0000ftyp" + bytes(5 * 2**20)
    video = Video(id="a", status=VideoStatus.COMPLETED, size_bytes=len(large))
    client, transport, _ = client_with(SIGNED, served(large))
    transport.piece = 2**18
    reported: List[int] = []

    await client.videos.save(video, tmp_path / "x.mp4", on_progress=lambda done, _: reported.append(done))

    assert (tmp_path / "x.mp4").read_bytes() == large
    assert reported == [2**21, 2**22, len(large)]

    def fail(*_: object) -> None:
        raise ZeroDivisionError

    client, transport, _ = client_with(SIGNED, served(large))
    transport.piece = 2**18
    with pytest.raises(ZeroDivisionError):
        await client.videos.save(video, tmp_path / "y.mp4", on_progress=fail)
    assert names(tmp_path) == ["x.mp4", "y.mp4.part", "y.mp4.part.json"]


async def test_a_save_that_is_cancelled_while_it_writes(tmp_path: Path) -> None:
    """The batch is written completely, and no task is left running."""
    large = b"0000ftyp" + bytes(5 * 2**20)
    video = Video(id="a", status=VideoStatus.COMPLETED, size_bytes=len(large))
    client, transport, _ = client_with(SIGNED, served(large))
    transport.piece = 2**18
    writing, gate = asyncio.Event(), asyncio.Event()

    async def hold(*_: object) -> None:
        writing.set()
        await gate.wait()

    task = asyncio.ensure_future(client.videos.save(video, tmp_path / "x.mp4", on_progress=hold))
    await writing.wait()
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert names(tmp_path) == ["x.mp4.part", "x.mp4.part.json"]
    frames = [frame for task in asyncio.all_tasks() for frame in task.get_stack()]
    assert not [frame for frame in frames if f"{os.sep}bluma_async{os.sep}transfer{os.sep}" in frame.f_code.co_filename]
