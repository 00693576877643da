"""Downloads: their speed against a plain aiohttp loop that writes the same file, and downloads cut at random bytes."""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
import re
import statistics
import tempfile
import time
import tracemalloc
from pathlib import Path
from typing import Any, List, Tuple

import aiohttp
from aiohttp import web

from bluma_async import AsyncBluma

MIB = 2**20
CUTS = 50


async def downloads(folder: Path, size: int, rounds: int) -> Tuple[float, float]:
    """Return the speed of `videos.save` divided by that of a plain loop, and the peak of traced memory in MiB."""
    source = folder / "source.bin"
    with source.open("wb") as file:
        file.truncate(size)

    async def link(request: web.Request) -> web.Response:
        return web.json_response({"download_url": f"{request.url.origin()}/file"})

    async def fetch(_: web.Request) -> web.FileResponse:
        return web.FileResponse(source)

    app = web.Application()
    app.add_routes([web.get("/videos/{id}/download", link), web.get("/file", fetch)])
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    base_url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    async with aiohttp.ClientSession() as session, AsyncBluma("bluma_test_key", base_url=base_url) as client:

        async def raw() -> None:
            async with session.get(f"{base_url}/file") as response:
                with (folder / "raw").open("wb") as out:
                    async for piece in response.content.iter_chunked(2**16):
                        out.write(piece)

        async def ours() -> None:
            await client.videos.save("a", folder / "ours", overwrite=True)

        async def measure_seconds(work: Any) -> float:
            for name in ("raw", "ours"):
                (folder / name).unlink(missing_ok=True)
            os.sync()  # else one run would wait for the disk writes of the run before
            began = time.perf_counter()
            await work()
            return time.perf_counter() - began

        ratios = [await measure_seconds(raw) / await measure_seconds(ours) for _ in range(rounds)]
        tracemalloc.start()
        await ours()
        peak = tracemalloc.get_traced_memory()[1] / MIB
        tracemalloc.stop()
    await runner.cleanup()
    return statistics.median(ratios), peak


async def cut(folder: Path, seed: int) -> Tuple[int, int, bool]:
    """Cut a download at random bytes; return the cuts, the bytes sent twice, and whether the file is complete."""
    chance, content = random.Random(seed), random.Random(0).randbytes(20 * MIB)
    content = content[:4] + b"ftyp" + content[8:]
    cuts, sent = 0, 0

    async def link(request: web.Request) -> web.Response:
        return web.json_response({"download_url": f"{request.url.origin()}/file"})

    async def fetch(request: web.Request) -> web.StreamResponse:
        nonlocal cuts, sent
        asked = re.fullmatch(r"bytes=(\d+)-", request.headers.get("Range", ""))
        begin = int(asked[1]) if asked else 0
        headers = {"ETag": '"1"', "Content-Type": "video/mp4", "Content-Length": str(len(content) - begin)}
        if asked:
            headers["Content-Range"] = f"bytes {begin}-{len(content) - 1}/{len(content)}"
        response = web.StreamResponse(status=206 if asked else 200, headers=headers)
        await response.prepare(request)
        end = (
            len(content)
            if cuts == CUTS
            else min(begin + chance.randrange(1, 3 * len(content) // (2 * CUTS)), len(content))
        )
        await response.write(content[begin:end])
        sent += end - begin
        if end < len(content):
            cuts += 1
            assert request.transport is not None
            request.transport.close()
        return response

    app = web.Application()
    app.add_routes([web.get("/videos/{id}/download", link), web.get("/file", fetch)])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    base_url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    async with AsyncBluma("bluma_test_key", base_url=base_url, retry_delay=0.0) as client:
        await client.videos.save("a", folder / "whole.mp4")
    await runner.cleanup()
    is_complete = hashlib.sha256((folder / "whole.mp4").read_bytes()).digest() == hashlib.sha256(content).digest()
    return cuts, sent - len(content), is_complete


def report(rounds: int) -> List[str]:
    lines = []
    with tempfile.TemporaryDirectory() as name:
        cuts, repeated, is_complete = asyncio.run(cut(Path(name), seed=1))
        word = "complete" if is_complete else "BROKEN"
        lines.append(f"a download of 20 MiB cut at {cuts} random bytes: {word}, {repeated / MIB:.2f} MiB fetched twice")
        for size in (100, 2000):
            ratio, peak = asyncio.run(downloads(Path(name), size * MIB, max(rounds // 3, 3)))
            lines.append(
                f"save {size} MiB: {ratio:.2f}x a plain loop (limit 0.90), {peak:.1f} MiB of memory at the peak"
            )
    return lines


if __name__ == "__main__":
    print("\n".join(report(9)))
