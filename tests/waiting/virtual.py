"""A slow server in virtual time: requests take seconds, and the event loop jumps over them."""

from __future__ import annotations

import asyncio
from typing import Any, Awaitable, Callable, Dict, Optional

from bluma_async import AsyncBluma
from bluma_async._wire.messages import Answer, Request
from bluma_async.errors import NetworkError, RequestTimeoutError
from tests.simulation.virtual import VirtualClock, VirtualLoop, run_virtually
from tests.waiting.served import Server


class ServedClock(VirtualClock):
    """The clock of a client and of its server."""

    @property
    def time(self) -> float:
        """The present moment, under the name that `Server` reads."""
        return self.now()


class SlowServer:
    """A transport with a `Server` behind it, whose answers take `latency` seconds; None: no connection is made."""

    def __init__(self, clock: ServedClock, ends: Dict[str, float], latency: Optional[float]) -> None:
        self.server = Server(clock, ends)  # type: ignore[arg-type]  # it only reads the time
        self.latency = latency

    async def send(self, request: Request, timeout: float, patience: Optional[float] = None) -> Answer:
        """Answer after the latency, or raise when the client's time is over."""
        if self.latency is None:
            raise NetworkError("Cannot connect to api.example.com", request_sent=False)
        limit = timeout if patience is None else min(timeout, patience)
        await asyncio.sleep(min(self.latency, limit))
        if self.latency > limit:
            raise RequestTimeoutError("no answer in time")
        return self.server(request)

    async def close(self) -> None:
        """Close nothing."""


def run_with_slow_server(
    work: Callable[[AsyncBluma, SlowServer], Awaitable[Any]], ends: Dict[str, float], latency: Optional[float]
) -> Any:
    """Run a test in virtual time. Each video is finished so many seconds after the start."""
    loop = VirtualLoop()
    clock = ServedClock(loop)
    server = SlowServer(clock, ends, latency)

    async def run() -> Any:
        transport: Any = server  # it has no streams, which no wait needs
        try:
            async with AsyncBluma("bluma_test_key", transport=transport, clock=clock) as client:
                return await work(client, server)
        finally:
            await _end_tasks()

    result = run_virtually(loop, run())
    assert loop.failures == []
    return result


async def _end_tasks() -> None:
    """End what a failing test has left, so that its own error is the only one."""
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def hang(_: object) -> None:
    """Never return: the hook of a program that has stopped."""
    await asyncio.Event().wait()
