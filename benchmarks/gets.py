"""`videos.get` against raw aiohttp with `json.loads`: one request after another, and many in flight."""

from __future__ import annotations

import asyncio
import json
from typing import Awaitable, Callable, List

import aiohttp

from benchmarks.measure import Row, compare
from benchmarks.responder import responding
from bluma_async import AsyncBluma

Get = Callable[[], Awaitable[object]]
IN_FLIGHT = 100


async def one_after_another(get: Get, count: int) -> None:
    for _ in range(count):
        await get()


async def in_flight(get: Get, count: int) -> None:
    limit = asyncio.Semaphore(IN_FLIGHT)

    async def one() -> None:
        async with limit:
            await get()

    await asyncio.gather(*(one() for _ in range(count)))


async def measure(base_url: str, rounds: int) -> List[Row]:
    url, headers = f"{base_url}/videos/batch_abc123xyz", {"Authorization": "Bearer bluma_test_key"}
    async with aiohttp.ClientSession() as session, AsyncBluma("bluma_test_key", base_url=base_url) as client:

        async def raw() -> object:
            async with session.get(url, headers=headers) as response:
                return json.loads(await response.read())

        async def ours() -> object:
            return await client.videos.get("batch_abc123xyz")

        return [
            await compare(
                "videos.get, one after another",
                lambda: one_after_another(raw, 1500),
                lambda: one_after_another(ours, 1500),
                1500,
                rounds,
                1.35,
            ),
            await compare(
                f"videos.get, 1,000 at {IN_FLIGHT} in flight",
                lambda: in_flight(raw, 1000),
                lambda: in_flight(ours, 1000),
                1000,
                rounds,
                1.30,
            ),
        ]


def run(rounds: int) -> List[Row]:
    with responding() as base_url:
        return asyncio.run(measure(base_url, rounds))
