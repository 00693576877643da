"""Lost answers, ten thousand waits, and creates in flight; creates against raw POSTs in the same run."""

from __future__ import annotations

import asyncio
import gc
import json
import statistics
import time
import tracemalloc
from typing import Any, Dict, List, Tuple

import aiohttp

from benchmarks.responder import responding
from bluma_async import AsyncBluma, errors
from bluma_async._wire.messages import Answer
from bluma_async.sandbox import Sandbox

WAITS = 10_000
CREATES = 100


async def lost_answers(policy: str) -> Tuple[int, int]:
    """Cut the first answer of every create; return the number of bills, and of videos whose ids the caller knows."""
    async with Sandbox(clock="manual", render=False, credits=10**6) as sandbox:
        options: Dict[str, Any] = {"base_url": sandbox.base_url, "retry_delay": 0.0, "on_ambiguous": policy}
        async with AsyncBluma(sandbox.live_key, **options) as client:
            known = set()
            for number in range(CREATES):
                sandbox.faults.add("POST /videos", "drop_after")
                try:
                    known.add((await client.videos.create({"prompt": f"{number}"}, "ugc-text-overlay")).id)
                except errors.AmbiguousCreateError as error:
                    known.update(video.id for video in error.candidates)
        return sandbox.state()["billed"], len(known)


class Account:
    """A transport that answers from memory: `count` videos, all completed once `is_over` is set."""

    def __init__(self, count: int) -> None:
        self.names = [f"batch_{number:08x}" for number in range(count)]
        self.is_over = False
        self.requests = 0

    async def send(self, request: Any, *_: Any) -> Answer:
        self.requests += 1
        await asyncio.sleep(0)
        path, _, query = request.url.partition("?")
        status = "completed" if self.is_over else "processing"
        if query:
            parameters = dict(part.split("=") for part in query.split("&"))
            active = self.names if parameters["status"] == status and not self.is_over else []
            begin = (int(parameters["page"]) - 1) * 100
            rows = [{"id": name, "status": status} for name in active[begin : begin + 100]]
            pages = {"page": int(parameters["page"]), "total": len(active), "total_pages": -(-len(active) // 100)}
            return Answer(200, {}, json.dumps({"videos": rows, "pagination": pages}).encode())
        return Answer(200, {}, json.dumps({"id": path.rsplit("/", 1)[1], "status": status}).encode())

    async def close(self) -> None:
        return None


async def many_waits(seconds: float = 6.0) -> Tuple[float, int, List[float]]:
    """Return the memory of each of 10,000 waits in KiB, the requests that they sent, and the lags of the loop."""
    account = Account(WAITS)
    client = AsyncBluma("bluma_test_key", transport=account)  # type: ignore[arg-type]  # it has no streams, which no call here needs
    await client.videos.get(account.names[0])
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    waits = [asyncio.ensure_future(client.videos.wait_for(name, poll_interval=2)) for name in account.names]
    while account.requests < 2:  # noqa: ASYNC110 - the transport has no event to wait for
        await asyncio.sleep(0.01)
    await asyncio.sleep(1.0)
    gc.collect()
    kib_each = (tracemalloc.get_traced_memory()[0] - before) / WAITS / 1024
    tracemalloc.stop()
    lags: List[float] = []
    ends = time.perf_counter() + seconds
    while time.perf_counter() < ends:
        began = time.perf_counter()
        await asyncio.sleep(0.005)
        lags.append(time.perf_counter() - began - 0.005)
    polls = account.requests
    account.is_over = True
    await asyncio.gather(*waits)
    await client.aclose()
    return kib_each, polls, sorted(lags)


async def creates(base_url: str, rounds: int) -> float:
    """Return the throughput of creates divided by that of raw POSTs, at 100 in flight."""
    url, body = f"{base_url}/videos", json.dumps({"template_id": "t", "context": {"prompt": "p"}}).encode()
    headers = {"Authorization": "Bearer bluma_test_key", "Content-Type": "application/json"}
    limit = asyncio.Semaphore(100)
    async with aiohttp.ClientSession() as session, AsyncBluma("bluma_test_key", base_url=base_url) as client:

        async def raw() -> None:
            async with limit, session.post(url, data=body, headers=headers) as response:
                json.loads(await response.read())

        async def ours() -> None:
            async with limit:
                await client.videos.create({"prompt": "p"}, "t")

        async def measure_seconds(work: Any) -> float:
            began = time.perf_counter()
            await asyncio.gather(*(work() for _ in range(1000)))
            return time.perf_counter() - began

        await measure_seconds(raw), await measure_seconds(ours)
        return statistics.median([await measure_seconds(raw) / await measure_seconds(ours) for _ in range(rounds)])


def report(rounds: int) -> List[str]:
    lines = []
    for policy in ("reconcile", "adopt", "retry"):
        billed, known = asyncio.run(lost_answers(policy))
        lines.append(f"{CREATES} creates, each answer cut after the create, {policy}: {billed} billed, {known} known")
    kib_each, polls, lags = asyncio.run(many_waits())
    p99 = lags[int(len(lags) * 0.99)] * 1e3
    lines.append(
        f"{WAITS:,} waits: {kib_each:.2f} KiB each (limit 2.0), {polls} requests, loop lag p99 {p99:.1f} ms (limit 20)"
    )
    with responding() as base_url:
        lines.append(f"creates at 100 in flight: {asyncio.run(creates(base_url, rounds)):.2f}x raw POSTs (limit 0.75)")
    return lines
