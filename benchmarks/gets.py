"""`videos.get` and `videos.create` against raw aiohttp with `json`: one request after another, and many in flight."""

from __future__ import annotations

import asyncio
import json
from functools import partial
from typing import Awaitable, Callable, List, Tuple

import aiohttp

from benchmarks.measure import Row, compare
from benchmarks.responder import responding
from bluma_async import AsyncBluma

Request = Callable[[], Awaitable[object]]
Way = Callable[[Request, int], Awaitable[None]]
IN_FLIGHT = 100
HEADERS = {"Authorization": "Bearer bluma_test_key"}
CONTEXT = {"prompt": "Explain why the sky is blue"}
TEMPLATE = "consumerclub-discord-zoomed"


async def one_after_another(send: Request, count: int) -> None:
    for _ in range(count):
        await send()


async def in_flight(send: Request, count: int) -> None:
    limit = asyncio.Semaphore(IN_FLIGHT)

    async def one() -> None:
        async with limit:
            await send()

    await asyncio.gather(*(one() for _ in range(count)))


def gets(base_url: str, session: aiohttp.ClientSession, client: AsyncBluma) -> Tuple[Request, Request]:
    """Return a raw read of a video, and ours."""
    url = f"{base_url}/videos/batch_abc123xyz"

    async def raw() -> object:
        async with session.get(url, headers=HEADERS) as response:
            return json.loads(await response.read())

    return raw, lambda: client.videos.get("batch_abc123xyz")


def creates(base_url: str, session: aiohttp.ClientSession, client: AsyncBluma) -> Tuple[Request, Request]:
    """Return a raw create, and ours."""
    url, body = f"{base_url}/videos", {"template_id": TEMPLATE, "context": CONTEXT}

    async def raw() -> object:
        async with session.post(url, headers=HEADERS, json=body) as response:
            return json.loads(await response.read())

    return raw, lambda: client.videos.create(CONTEXT, TEMPLATE)


Make = Callable[[str, aiohttp.ClientSession, AsyncBluma], Tuple[Request, Request]]
TABLE: List[Tuple[str, Make, Way, int, float]] = [
    ("videos.get, one after another", gets, one_after_another, 1500, 1.35),
    (f"videos.get, 1,000 at {IN_FLIGHT} in flight", gets, in_flight, 1000, 1.30),
    ("videos.create, one after another", creates, one_after_another, 1000, 1.75),
]


async def measure(base_url: str, rounds: int) -> List[Row]:
    rows: List[Row] = []
    async with aiohttp.ClientSession() as session, AsyncBluma("bluma_test_key", base_url=base_url) as client:
        for name, make, way, count, limit in TABLE:
            raw, ours = make(base_url, session, client)
            rows.append(await compare(name, partial(way, raw, count), partial(way, ours, count), count, rounds, limit))
    return rows


def run(rounds: int) -> List[Row]:
    with responding() as base_url:
        return asyncio.run(measure(base_url, rounds))
