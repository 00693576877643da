"""A server with many videos, on a clock that tests move; and a client of it."""

from __future__ import annotations

import asyncio
from typing import Any, Dict, List

from bluma_async import AsyncBluma
from bluma_async._wire.messages import Answer
from bluma_async.types import Video
from tests.fakes import FakeClock, FakeTransport, answer, client_with, problem

VIDEO = {"template_id": "t", "created_at": "2025-11-03T10:30:00Z"}


class Server:
    """Answers like the API: videos that are finished at a moment of the clock, and a budget if there is one."""

    def __init__(self, clock: FakeClock, ends: Dict[str, float], budget: Any = None) -> None:
        self.clock = clock
        self.ends = ends
        self.sent: List[str] = []
        self.budget = budget
        self.uses: List[float] = []
        self.refused = 0

    def __call__(self, request: Any) -> Answer:
        path = request.url.split("/v1", 1)[1]
        self.sent.append(path)
        headers = self._count()
        if headers is None:
            self.refused += 1
            return problem(429)
        if path.startswith("/videos/"):
            video_id = path.split("/")[2]
            return answer(200, {**VIDEO, "id": video_id, "status": self._status(video_id), "progress": 7}, headers)
        query = dict(part.split("=") for part in path.partition("?")[2].split("&"))
        found = [name for name in self.ends if self._status(name) == query["status"]]
        first = (int(query["page"]) - 1) * 100
        rows = [{**VIDEO, "id": name, "status": query["status"]} for name in found[first : first + 100]]
        pages = {"page": int(query["page"]), "limit": 100, "total": len(found), "total_pages": -(-len(found) // 100)}
        return answer(200, {"videos": rows, "pagination": pages}, headers)

    def _status(self, name: str) -> str:
        return "completed" if self.clock.time >= self.ends[name] else "processing"

    def _count(self) -> Any:
        if self.budget is None:
            return {}
        now = self.clock.time
        self.uses = [use for use in self.uses if use > now - 3600]
        if len(self.uses) >= self.budget:
            return None
        self.uses.append(now)
        noon = 1762171200
        return {
            "Date": "Mon, 03 Nov 2025 12:00:00 GMT",
            "X-RateLimit-Limit": str(self.budget),
            "X-RateLimit-Remaining": str(self.budget - len(self.uses)),
            "X-RateLimit-Reset": str(noon + int(self.uses[0] + 3600 - now + 0.999)),
        }


class SlowTransport(FakeTransport):
    """Sends a request at once, and returns its answer when the gate is opened."""

    def __init__(self, *replies: Any, clock: FakeClock) -> None:
        super().__init__(*replies, clock=clock)
        self.gate = asyncio.Event()

    async def send(self, request: Any, timeout: float, patience: Any = None) -> Answer:
        sent = await super().send(request, timeout, patience)
        await self.gate.wait()
        return sent

    async def until_sent(self, count: int) -> None:
        """Return when so many requests were sent."""
        while len(self.requests) < count:
            await asyncio.sleep(0)


def slow_client(*replies: Any) -> tuple[AsyncBluma, SlowTransport, FakeClock]:
    """Return a client whose answers wait for a gate."""
    clock = FakeClock()
    transport = SlowTransport(*replies, clock=clock)
    return AsyncBluma("bluma_test_key", transport=transport, clock=clock), transport, clock


def served(ends: Dict[str, float], budget: Any = None) -> tuple[AsyncBluma, Server, FakeClock]:
    """Return a client of a `Server`. Each video is finished so many seconds from now."""
    clock = FakeClock()
    server = Server(clock, {name: clock.time + end for name, end in ends.items()}, budget)
    client, _, _ = client_with(server, clock=clock)
    return client, server, clock


async def wait_all(client: AsyncBluma, ids: Any, **options: Any) -> List[Video]:
    """Wait for all videos at the same time."""
    return list(await asyncio.gather(*(client.videos.wait_for(name, **options) for name in ids)))
