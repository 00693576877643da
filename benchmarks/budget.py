"""500 jobs under 1,000 requests an hour: the shared polls, and beside them one naive loop for each job."""

from __future__ import annotations

import asyncio
import heapq
import statistics
from datetime import datetime, timezone
from itertools import count
from typing import Any, Awaitable, Callable, List, Tuple

from bluma_async import AsyncBluma
from bluma_async._session.transport import AiohttpTransport
from bluma_async.errors import RateLimitError
from bluma_async.sandbox import Sandbox
from bluma_async.types import Video

JOBS = 500
BUDGET = 1000
Wait = Callable[[AsyncBluma, "Time", str], Awaitable[Video]]


class Counted:
    """A transport that knows how many requests are under way."""

    def __init__(self) -> None:
        self._real = AiohttpTransport(connection_limit=100)
        self.under_way = 0

    async def send(self, *args: Any) -> Any:
        self.under_way += 1
        try:
            return await self._real.send(*args)
        finally:
            self.under_way -= 1

    async def close(self) -> None:
        await self._real.close()


class Time:
    """The sandbox's time: it moves on to the next sleeper's moment when nothing else is to be done."""

    def __init__(self, sandbox: Sandbox, transport: Counted) -> None:
        self._sandbox = sandbox
        self._transport = transport
        self._now = 0.0
        self._number = count()
        self._sleepers: List[Tuple[float, int, asyncio.Future[None]]] = []

    def now(self) -> float:
        return self._now

    async def sleep(self, seconds: float) -> None:
        woken = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._now + seconds, next(self._number), woken))
        await woken

    async def run(self) -> None:
        while True:
            for _ in range(20):
                await asyncio.sleep(0)
            while self._transport.under_way:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.001)
            if self._sleepers:
                moment, _, woken = heapq.heappop(self._sleepers)
                if not woken.done():
                    await self._sandbox.advance(max(moment - self._now, 0))
                    self._now = max(moment, self._now)
                    woken.set_result(None)


async def shared(client: AsyncBluma, _: Time, video_id: str) -> Video:
    return await client.videos.wait_for(video_id, timeout=10 * 3600)


async def naive(client: AsyncBluma, time: Time, video_id: str) -> Video:
    while True:
        try:
            video = await client.videos.get(video_id)
        except RateLimitError as refusal:
            await time.sleep(refusal.retry_after or 60)
            continue
        if video.status.is_final:
            return video
        await time.sleep(5)


async def measure(wait: Wait) -> Tuple[int, int, List[float]]:
    """Return the answers of 429, all requests, and how late each end was learned of, in seconds."""
    async with Sandbox(clock="manual", render=False, credits=10**6, rate_limit=BUDGET) as sandbox:
        transport = Counted()
        time = Time(sandbox, transport)
        options: Any = {"base_url": sandbox.base_url, "transport": transport, "clock": time}
        async with AsyncBluma(sandbox.live_key, **options) as client:
            driver = asyncio.ensure_future(time.run())
            prompts = ({"prompt": f"{number}"} for number in range(JOBS))
            videos = await asyncio.gather(*(client.videos.create(prompt, "ugc-text-overlay") for prompt in prompts))

            async def late(video: Video) -> float:
                done = await wait(client, time, video.id)
                assert done.completed_at is not None
                shown = datetime.fromisoformat(sandbox.state()["clock"].replace("Z", "+00:00"))
                return (shown.astimezone(timezone.utc) - done.completed_at).total_seconds()

            lags = await asyncio.gather(*(late(video) for video in videos))
            driver.cancel()
        refused = sum(1 for record in sandbox.requests if record.status == 429)
        return refused, len(sandbox.requests), sorted(lags)


def report() -> List[str]:
    lines = []
    for name, wait in (("shared polls", shared), ("one loop a job", naive)):
        refused, requests, lags = asyncio.run(measure(wait))
        lines.append(
            f"{JOBS} jobs under {BUDGET:,} requests an hour, {name}: {refused} answers of 429, {requests} requests, "
            f"ends learned of after {statistics.median(lags):.0f} s in the median, {lags[-1]:.0f} s at worst"
        )
    return lines


if __name__ == "__main__":
    print("\n".join(report()))
