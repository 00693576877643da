"""
A batch with a journal against plain loops that create, poll and save the same jobs without one.

One loop makes the client's own calls, the other one is plain aiohttp and writes the files without care.
"""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any, Awaitable, Callable, List

import aiohttp

from benchmarks.account import account_server
from benchmarks.measure import Row, compare
from bluma_async import AsyncBluma

JOBS = 1000
TEMPLATES = 5  # as many as the API has; of each, one create at a time is in flight
RENDER = 2.0  # seconds
POLL_INTERVAL = 0.5
KEY = "bluma_live_key"
CPU_LIMIT = 2.0
Work = Callable[[str, Path], Awaitable[None]]


def make_jobs() -> List[Any]:
    return [{"template_id": f"t{n % TEMPLATES}", "prompt": f"Number {n}", "key": f"k{n}"} for n in range(JOBS)]


async def run_batch(base_url: str, folder: Path) -> None:
    async with AsyncBluma(KEY, base_url) as client:
        batch = client.batch(out=folder, concurrency=JOBS, poll_interval=POLL_INTERVAL)
        results = [result async for result in batch.run(make_jobs())]
    assert all(result.is_done for result in results)


async def run_calls(base_url: str, folder: Path) -> None:
    async with AsyncBluma(KEY, base_url) as client:

        async def run(job: Any) -> None:
            video = await client.videos.create({"prompt": job["prompt"]}, job["template_id"])
            await client.videos.wait_for(video.id, POLL_INTERVAL)
            await client.videos.save(video.id, folder / f"{job['key']}.mp4")

        await asyncio.gather(*map(run, make_jobs()))


async def run_aiohttp(base_url: str, folder: Path) -> None:
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {KEY}"}) as session:

        async def fetch(url: str) -> Any:
            async with session.get(url) as response:
                return await response.json()

        async def run(job: Any) -> None:
            body = {"template_id": job["template_id"], "context": {"prompt": job["prompt"]}}
            async with session.post(f"{base_url}/videos", json=body) as response:
                video = await response.json()
            url = f"{base_url}/videos/{video['id']}"
            while video["status"] != "completed":
                await asyncio.sleep(POLL_INTERVAL)
                video = await fetch(url)
            link = await fetch(f"{url}/download")
            async with session.get(link["download_url"]) as response:
                (folder / f"{job['key']}.mp4").write_bytes(await response.read())

        await asyncio.gather(*map(run, make_jobs()))


def in_new_folder(work: Work, base_url: str) -> Callable[[], Awaitable[None]]:
    async def run() -> None:
        with tempfile.TemporaryDirectory() as folder:
            await work(base_url, Path(folder))

    return run


async def compare_all(base_url: str, rounds: int) -> List[Row]:
    ours, rows = in_new_folder(run_batch, base_url), []
    for name, work in (("the client's own calls", run_calls), ("plain aiohttp", run_aiohttp)):
        label = f"a batch of {JOBS:,} jobs, {name}"
        rows.append(await compare(label, in_new_folder(work, base_url), ours, JOBS, rounds, CPU_LIMIT))
    return rows


def run(rounds: int) -> List[Row]:
    with account_server(RENDER) as base_url:
        return asyncio.run(compare_all(base_url, max(rounds // 5, 3)))
