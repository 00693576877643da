"""500 jobs under 1,000 requests an hour: the client's shared polls against one polling loop for each job."""

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
Wait = Callable[[AsyncBluma, "VirtualTime", str], Awaitable[Video]]


class Counted:
    """A transport that counts the requests in flight."""

    def __init__(self) -> None:
        self._real = AiohttpTransport(connection_limit=100)
        self.in_flight = 0

    async def send(self, *args: Any) -> Any:
        self.in_flight += 1
        try:
            return await self._real.send(*args)
        finally:
            self.in_flight -= 1

    async def close(self) -> None:
        await self._real.close()


class VirtualTime:
    """The client's clock: when no request is in flight, it advances the sandbox to the next sleeper's wake-up time."""

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
            while self._transport.in_flight:  # noqa: ASYNC110 - the transport has no event to wait for
                await asyncio.sleep(0.001)
            if self._sleepers:
                wake_at, _, woken = heapq.heappop(self._sleepers)
                if not woken.done():
                    await self._sandbox.advance(max(wake_at - self._now, 0))
                    self._now = max(wake_at, self._now)
                    woken.set_result(None)


async def shared(client: AsyncBluma, _: VirtualTime, video_id: str) -> Video:
    return await client.videos.wait_for(video_id, timeout=10 * 3600)


async def naive(client: AsyncBluma, time: VirtualTime, video_id: str) -> Video:
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
    """Return the number of 429s and of all requests, and for each video the delay until its end was noticed."""
    async with Sandbox(clock="manual", render=False, credits=10**6, rate_limit=BUDGET) as sandbox:
        transport = Counted()
        time = VirtualTime(sandbox, transport)
        options: Any = {"base_url": sandbox.base_url, "transport": transport, "clock": time}
        async with AsyncBluma(sandbox.live_key, **options) as client:
            driver = asyncio.ensure_future(time.run())
            prompts = ({"prompt": f"{number}"} for number in range(JOBS))
            videos = await asyncio.gather(*(client.videos.create(prompt, "ugc-text-overlay") for prompt in prompts))

            async def measure_delay(video: Video) -> float:
                done = await wait(client, time, video.id)
                assert done.completed_at is not None
                shown = datetime.fromisoformat(sandbox.state()["clock"].replace("Z", "+00:00"))
                return (shown.astimezone(timezone.utc) - done.completed_at).total_seconds()

            delays = await asyncio.gather(*(measure_delay(video) for video in videos))
            driver.cancel()
        refused = sum(1 for record in sandbox.requests if record.status == 429)
        return refused, len(sandbox.requests), sorted(delays)


def report() -> List[str]:
    lines = []
    for name, wait in (("shared polls", shared), ("one loop for each job", naive)):
        refused, requests, delays = asyncio.run(measure(wait))
        lines.append(
            f"{JOBS} jobs under {BUDGET:,} requests an hour, {name}: {refused} answers of 429, {requests} requests, "
            f"ends noticed after {statistics.median(delays):.0f} s (median), {delays[-1]:.0f} s at worst"
        )
    return lines


if __name__ == "__main__":
    print("\n".join(report()))
