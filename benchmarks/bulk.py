"""1,000 waits with UmamiAI: the requests of the client's shared polls, and those of one polling loop for each wait."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any, Dict, List
from urllib.parse import parse_qsl, urlsplit

from bluma_async import AsyncLuma
from bluma_async._wire.messages import Answer

WAITS = 1000
INTERVAL = 0.5


class Server:
    """A transport that answers from memory; each generation is completed from a given time on."""

    def __init__(self) -> None:
        began = time.monotonic()
        self.ends: Dict[str, float] = {f"g{number}": began + 2 + number % 100 / 10 for number in range(WAITS)}
        self.requests = 0

    async def send(self, request: Any, *_: Any) -> Answer:
        self.requests += 1
        await asyncio.sleep(0.002)
        now = time.monotonic()
        names = [value for _, value in parse_qsl(urlsplit(request.url).query)]
        rows: List[Any] = [{"id": name, "state": "processing"} for name in names if self.ends[name] > now]
        rows += [
            {"id": name, "state": "completed", "video": {"url": f"https://x/{name}"}}
            for name in names
            if self.ends[name] <= now
        ]
        return Answer(200, {}, json.dumps(rows).encode())

    async def close(self) -> None:
        return None


async def measure(*, shared: bool) -> int:
    server = Server()
    luma = AsyncLuma("umami", "key", transport=server)  # type: ignore[arg-type]  # it has no streams, which no call here needs

    async def alone(name: str) -> None:
        while not (await luma.generations.get(name)).state.is_final:  # noqa: ASYNC110 - a plain polling loop is the baseline
            await asyncio.sleep(INTERVAL)

    async def together(name: str) -> None:
        await luma.generations.wait_for(name, poll_interval=INTERVAL)

    await asyncio.gather(*((together if shared else alone)(name) for name in server.ends))
    await luma.aclose()
    return server.requests


def report() -> List[str]:
    ours, theirs = asyncio.run(measure(shared=True)), asyncio.run(measure(shared=False))
    return [
        f"{WAITS:,} UmamiAI waits: {ours} requests, 1/{theirs / ours:.1f} of one loop for each ({theirs}; limit 1/15)"
    ]


if __name__ == "__main__":
    print("\n".join(report()))
