"""A sandbox in a thread of its own, for callers who block."""

from __future__ import annotations

import asyncio
import threading
from typing import Any, Coroutine, TypeVar

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
    """A sandbox whose clock is moved by hand; with `at_once`, every video is finished when its create is answered."""

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
        """Do something in the sandbox's own loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def advance(self, seconds: float) -> None:
        """Move the clock, and wait until all is done that this set going."""
        self.run(self._advance(seconds))

    async def _advance(self, seconds: float) -> None:
        await self.sandbox.advance(seconds)

    async def _finish(self, record: RequestRecord) -> None:
        if record.status is not None and CREATES.get(record.route) == record.status:
            await self.sandbox.advance(105)


class SandboxTime:
    """A client's clock: whoever sleeps moves the sandbox's time, and nobody waits."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._now = 0.0

    def now(self) -> float:
        return self._now

    async def sleep(self, seconds: float) -> None:
        self._now += seconds
        await asyncio.get_running_loop().run_in_executor(None, self._live.advance, seconds)
