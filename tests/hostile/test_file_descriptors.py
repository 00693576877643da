"""Hundreds of saves at once, in a program that may open few files: they queue."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bluma_async.types import Video, VideoStatus
from tests.blocking.processes import ROOT
from tests.hostile.file_server import VIDEO_ID, Exchange, client_of, hosting
from tests.transfer.boxes import make_mp4

SMALL = make_mp4(b"\5" * 60)
VIDEO = Video(id=VIDEO_ID, status=VideoStatus.COMPLETED, size_bytes=len(SMALL))
SAVE_MANY = """
import asyncio, resource, sys
from bluma_async import AsyncBluma
resource.setrlimit(resource.RLIMIT_NOFILE, (int(sys.argv[3]),) * 2)
async def main():
    async with AsyncBluma("bluma_test_key", base_url=sys.argv[1], trust_env=False, max_retries=0) as client:
        saves = (client.videos.save("batch_1", f"{sys.argv[2]}/{n}.mp4", verify="none") for n in range(400))
        ends = await asyncio.gather(*saves, return_exceptions=True)
        failed = [end for end in ends if not isinstance(end, int)]
        print(len(failed), *map(str, failed[:3]), sep="\\n")
asyncio.run(main())
"""


async def honest(exchange: Exchange) -> None:
    """Send the file."""
    await exchange.send_rest(SMALL)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such limit")
@pytest.mark.parametrize("limit", [256])
async def test_many_saves_fit_into_few_descriptors(tmp_path: Path, limit: int) -> None:
    """256 is the default of macOS."""
    async with hosting(honest, size=len(SMALL)) as hostile:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", SAVE_MANY, hostile.base_url, str(tmp_path), str(limit)),
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        out, _ = await process.communicate()

    assert (out.strip(), process.returncode) == (b"0", 0)
    assert len(list(tmp_path.iterdir())) == 400


@pytest.mark.parametrize("limit", [1, 5])
async def test_connection_limit_bounds_downloads(tmp_path: Path, limit: int) -> None:
    """Copies of a client share the places; calls of the API, such as those of a callback, do not wait for one."""
    gate, asked = asyncio.Event(), []

    async def script(exchange: Exchange) -> None:
        asked.append(exchange.number)
        await gate.wait()
        await exchange.send_rest(SMALL)

    async with hosting(script, size=len(SMALL)) as hostile, client_of(hostile, connection_limit=limit) as client:

        async def call_api(*_: object) -> None:
            await client.videos.get(VIDEO_ID)

        both = (client, client.with_options(timeout=9.0))
        saves = [
            asyncio.ensure_future(both[n % 2].videos.save(VIDEO, tmp_path / f"{n}.mp4", on_progress=call_api))
            for n in range(2 * limit + 1)
        ]
        while len(asked) < limit:
            await asyncio.sleep(0.01)
        assert (await client.videos.get(VIDEO_ID)).id == VIDEO_ID
        await asyncio.sleep(0.1)  # more requests would arrive now
        before = len(asked)
        gate.set()
        await asyncio.gather(*saves)

    assert (before, len(asked)) == (limit, 2 * limit + 1)
    assert {path.read_bytes() for path in tmp_path.iterdir()} == {SMALL}
