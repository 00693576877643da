"""What the sandbox does beside answering: renders, and deliveries. All of it can be waited for, and ended."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, Coroutine, Protocol, Set

import aiohttp

from bluma_async.sandbox.events import Delivery, Outcome

if TYPE_CHECKING:
    from bluma_async.sandbox.files import Files
    from bluma_async.sandbox.rendering import Renderer
    from bluma_async.sandbox.tables import Row

__all__ = ["Workers"]

DELIVERY_TIMEOUT = 5.0


class Rendered(Protocol):
    """Who hears that a file is there."""

    def rendered(self, row: Row, size_bytes: int, /) -> None:
        """Note it."""
        ...


class Workers:
    """Tasks of one sandbox."""

    def __init__(self, files: Files, renderer: Renderer) -> None:
        self._files = files
        self._renderer = renderer
        self._tasks: Set[asyncio.Task[None]] = set()
        self._session: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        """Get ready."""
        limits = aiohttp.ClientTimeout(total=DELIVERY_TIMEOUT)
        self._session = aiohttp.ClientSession(timeout=limits, cookie_jar=aiohttp.DummyCookieJar())

    async def stop(self) -> None:
        """End everything that is under way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._renderer.close()
        if self._session is not None:
            await self._session.close()

    async def settle(self) -> None:
        """Return when nothing is under way."""
        while self._tasks:
            await asyncio.wait(set(self._tasks))

    def deliver(self, delivery: Delivery) -> None:
        """Have a delivery made."""
        self._begin(self._deliver(delivery))

    def render(self, row: Row, videos: Rendered) -> None:
        """Have a video rendered."""
        self._begin(self._render(row, videos))

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver(self, delivery: Delivery) -> None:
        began = time.monotonic()
        status, error = None, None
        try:
            status = await self._post(delivery)
        except (aiohttp.ClientError, asyncio.TimeoutError, OSError, ValueError) as problem:
            error = str(problem) or type(problem).__name__
        if status is not None and not 200 <= status < 300:
            error = f"The endpoint answered {status}"
        delivery.done(Outcome(status, int((time.monotonic() - began) * 1000), error))

    async def _post(self, delivery: Delivery) -> int:
        session = self._session
        if session is None:
            raise ConnectionError("The sandbox has ended")
        async with session.post(
            delivery.url, data=delivery.body, headers=delivery.headers, allow_redirects=False
        ) as response:
            return response.status

    async def _render(self, row: Row, videos: Rendered) -> None:
        rendered = await self._renderer.render(
            row, self._files.folder / f"videos/{row['id']}.mp4", self._files.folder / f"thumbnails/{row['id']}.jpg"
        )
        videos.rendered(row, rendered)
