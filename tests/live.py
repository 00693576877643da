"""A sandbox in another thread, for blocking clients."""

from __future__ import annotations

import asyncio
import threading
from datetime import datetime, timedelta
from typing import Any, Coroutine, Optional, TypeVar

import aiohttp

from bluma_async.sandbox import Sandbox
from bluma_async.sandbox.request_log import RequestRecord

T = TypeVar("T")
CREATES = {
    "POST /videos": 202,
    "POST /kie/api/v1/modify/generate": 200,
    "POST /umami/v1/luma-ai/generations": 201,
    "POST /umami/v1/luma-ai/generations/{id}/extend": 201,
    "POST /vapi/luma/generations": 200,
    "POST /vapi/luma/generations/{id}/extend": 200,
}


class Live:
    """
    Runs a sandbox with a manual clock in another thread.

    With `at_once`, every video is finished before its create is answered, so that the first poll sees its end.
    """

    def __init__(self, *, at_once: bool = False, **settings: Any) -> None:
        self.sandbox = Sandbox(**{"clock": "manual", "render": False, **settings})
        self._at_once = at_once
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)

    def __enter__(self) -> Sandbox:
        self._thread.start()
        self.run(self.sandbox.start())
        if self._at_once:
            self.sandbox.watch(self._finish)
        return self.sandbox

    def __exit__(self, *_: object) -> None:
        self.run(self.sandbox.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in the sandbox's loop and return its result."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def advance(self, seconds: float) -> None:
        """Advance the clock, and wait until the sandbox has processed everything that became due."""
        self.run(self._advance(seconds))

    async def _advance(self, seconds: float) -> None:
        await self.sandbox.advance(seconds)

    async def _finish(self, record: RequestRecord) -> None:
        if record.status is not None and CREATES.get(record.route) == record.status:
            await self.sandbox.advance(105)


class Traffic:
    """
    Knows how many requests of a client are out: pass `trace_configs` to it.

    Requests take real time, and sleeps on the clocks below take none. A clock that did not wait for requests could
    reach the end of a wait, on a busy machine, before the first answer.
    """

    def __init__(self) -> None:
        self._out = 0
        self._idle: Optional[asyncio.Event] = None  # made in the client's loop, as Python 3.8 needs it
        trace = aiohttp.TraceConfig()
        trace.on_request_start.append(self._begin)
        trace.on_request_end.append(self._end)
        trace.on_request_exception.append(self._end)
        self.trace_configs = [trace]

    async def _begin(self, *_: object) -> None:
        self._out += 1
        if self._idle is None:
            self._idle = asyncio.Event()
        self._idle.clear()

    async def _end(self, *_: object) -> None:
        self._out -= 1
        if not self._out and self._idle is not None:
            self._idle.set()

    async def rest(self) -> None:
        """Wait until no request is out, also none that another task is about to send."""
        for _ in range(5):
            await asyncio.sleep(0)
        while self._out and self._idle is not None:
            await self._idle.wait()


class SandboxTime:
    """A clock for a client: its sleeps advance the sandbox's clock, and take no real time."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._now = 0.0
        self.traffic = Traffic()

    def now(self) -> float:
        return self._now

    async def sleep(self, seconds: float) -> None:
        await self.traffic.rest()
        self._now += seconds
        await asyncio.get_running_loop().run_in_executor(None, self._live.advance, seconds)


class SandboxClock:
    """A clock for a client in the sandbox's own loop: its sleeps advance the sandbox's clock."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._begin = datetime.fromisoformat(sandbox.state()["clock"].replace("Z", "+00:00"))
        self._now = 0.0
        self.traffic = Traffic()

    def now(self) -> float:
        return self._now

    def utc(self) -> datetime:
        return self._begin + timedelta(seconds=self._now)

    async def sleep(self, seconds: float) -> None:
        await self.traffic.rest()
        self._now += seconds
        await self._sandbox.advance(seconds)
        await asyncio.sleep(0)
