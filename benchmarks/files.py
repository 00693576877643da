"""Downloads: their speed against a plain aiohttp loop that flushes too, their memory, and downloads that are cut."""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, AsyncIterator, Awaitable, Callable, List, NamedTuple

import aiohttp
from aiohttp import web

from bluma_async import AsyncBluma
from bluma_async.types import Video, VideoStatus

MIB = 2**20
CUTS = 50
SIZES = (100, 2000)  # MiB
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serving(fetch: Handler) -> AsyncIterator[str]:
    """Serve the API's link to a file, and the file; yield the base URL."""

    async def link(request: web.Request) -> web.Response:
        return web.json_response({"download_url": f"{request.url.origin()}/file"})

    app = web.Application()
    app.add_routes([web.get("/videos/{id}/download", link), web.get("/file", fetch)])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def describe(size: int) -> Video:
    """Return a completed video whose file has this size."""
    return Video(id="a", status=VideoStatus.COMPLETED, size_bytes=size)


async def fetch_plainly(session: aiohttp.ClientSession, url: str, path: Path) -> None:
    """Download a file with a plain loop, and flush it to the disk as a save does."""
    async with session.get(url) as response:
        with path.open("wb") as out:
            async for piece in response.content.iter_chunked(2**16):
                out.write(piece)
            out.flush()
            os.fsync(out.fileno())


async def measure_seconds(work: Awaitable[Any]) -> float:
    os.sync()  # else one run would wait for the disk writes of the run before
    began = time.perf_counter()
    await work
    return time.perf_counter() - began


async def compare(folder: Path, size: int, pairs: int) -> List[float]:
    """Return the speed of `videos.save`, divided by that of a plain loop, for each pair of runs."""
    source, ours, raw = folder / "source.bin", folder / "ours", folder / "raw"
    with source.open("wb") as file:
        file.write(b"\0\0\0\x08ftyp")
        file.truncate(size)

    async def fetch(_: web.Request) -> web.FileResponse:
        return web.FileResponse(source)

    ratios = []
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(serving(fetch))
        session = await stack.enter_async_context(aiohttp.ClientSession())
        client = await stack.enter_async_context(AsyncBluma("bluma_test_key", base_url=url))
        for _ in range(pairs):
            ours.unlink(missing_ok=True)
            raw.unlink(missing_ok=True)
            plain = await measure_seconds(fetch_plainly(session, f"{url}/file", raw))
            ratios.append(plain / await measure_seconds(client.videos.save(describe(size), ours)))
    return ratios


PEAK = """
import asyncio, re, sys
from benchmarks.files import describe
from bluma_async import AsyncBluma
async def save():
    async with AsyncBluma("bluma_test_key", base_url=sys.argv[1]) as client:
        await client.videos.save(describe(int(sys.argv[3])), sys.argv[2])
asyncio.run(save())
with open("/proc/self/status") as status:  # ru_maxrss would include the memory of the parent process
    print(int(re.search(r"VmHWM:\\s*(\\d+) kB", status.read())[1]) // 1024)
"""


async def measure_memory(folder: Path, size: int) -> int:
    """Return the peak of resident memory, in MiB, of a program that saves one file; on Linux only."""
    source = folder / "source.bin"

    async def fetch(_: web.Request) -> web.FileResponse:
        return web.FileResponse(source)

    async with serving(fetch) as url:
        command = (sys.executable, "-c", PEAK, url, str(folder / "measured"), str(size))
        process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
        out, _ = await process.communicate()
    (folder / "measured").unlink()
    return int(out)


class CutDownload(NamedTuple):
    """The cuts of a download, the bytes that were sent twice, and whether its file is complete."""

    cuts: int
    repeated: int
    is_complete: bool


class CuttingHost:
    """A host that cuts a file at random bytes, a given number of times."""

    def __init__(self, seed: int) -> None:
        content = random.Random(0).randbytes(20 * MIB)
        self.content = content[:4] + b"ftyp" + content[8:]
        self.cuts = self.sent = 0
        self._chance = random.Random(seed)

    async def fetch(self, request: web.Request) -> web.StreamResponse:
        asked = re.fullmatch(r"bytes=(\d+)-", request.headers.get("Range", ""))
        begin, size = int(asked[1]) if asked else 0, len(self.content)
        headers = {"ETag": '"1"', "Content-Type": "video/mp4", "Content-Length": str(size - begin)}
        if asked:
            headers["Content-Range"] = f"bytes {begin}-{size - 1}/{size}"
        response = web.StreamResponse(status=206 if asked else 200, headers=headers)
        await response.prepare(request)
        end = self._choose_end(begin)
        await response.write(self.content[begin:end])
        self.sent += end - begin
        if end < size:
            self.cuts += 1
            assert request.transport is not None
            request.transport.close()
        return response

    def _choose_end(self, begin: int) -> int:
        size = len(self.content)
        return size if self.cuts == CUTS else min(begin + self._chance.randrange(1, 3 * size // (2 * CUTS)), size)


async def cut(folder: Path, seed: int) -> CutDownload:
    """Cut a download at random bytes."""
    host, path = CuttingHost(seed), folder / "whole.mp4"
    async with serving(host.fetch) as url, AsyncBluma("bluma_test_key", base_url=url, retry_delay=0.0) as client:
        await client.videos.save(describe(len(host.content)), path)
    is_complete = hashlib.sha256(path.read_bytes()).digest() == hashlib.sha256(host.content).digest()
    return CutDownload(host.cuts, host.sent - len(host.content), is_complete)


def report(rounds: int) -> List[str]:
    lines, peaks = [], []
    with tempfile.TemporaryDirectory() as name:
        found = asyncio.run(cut(Path(name), seed=1))
        state = "complete" if found.is_complete else "BROKEN"
        repeated = found.repeated / MIB
        lines.append(
            f"a download of 20 MiB cut at {found.cuts} random bytes: {state}, {repeated:.2f} MiB fetched twice"
        )
        for size in SIZES:
            ratios = asyncio.run(compare(Path(name), size * MIB, max(rounds // 3, 3)))
            peaks.append(asyncio.run(measure_memory(Path(name), size * MIB)))
            speed = f"{statistics.median(ratios):.2f}x a plain loop that flushes (limit 0.90)"
            lines.append(f"save {size} MiB: {speed}, {peaks[-1]} MiB of resident memory at the peak")
    lines.append(f"memory from {SIZES[0]} to {SIZES[-1]} MiB: {peaks[-1] - peaks[0]:+d} MiB")
    return lines


if __name__ == "__main__":
    print("\n".join(report(9)))
