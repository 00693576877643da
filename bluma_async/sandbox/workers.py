"""Background work of the sandbox: renders and webhook deliveries, which can be awaited and cancelled."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, Coroutine, Protocol, Set

import aiohttp

from bluma_async.sandbox.events import Delivery, Outcome

if TYPE_CHECKING:
    from bluma_async.sandbox.destinations import Destinations
    from bluma_async.sandbox.files import Files
    from bluma_async.sandbox.rendering import Renderer
    from bluma_async.sandbox.tables import Row

__all__ = ["Workers"]

DELIVERY_TIMEOUT = 5.0


class RenderTarget(Protocol):
    """The owner of a row whose file is rendered."""

    def mark_rendered(self, row: Row, size_bytes: int, /) -> None:
        """Record that the file exists."""
        ...


class Workers:
    """The background tasks of one sandbox."""

    def __init__(self, files: Files, renderer: Renderer, destinations: Destinations) -> None:
        self._files = files
        self._renderer = renderer
        self._destinations = destinations
        # A reference keeps a task from being garbage-collected before it has finished.
        self._tasks: Set[asyncio.Task[None]] = set()
        self._session: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        """Open the HTTP client for deliveries."""
        limits = aiohttp.ClientTimeout(total=DELIVERY_TIMEOUT)
        self._session = aiohttp.ClientSession(
            connector=self._destinations.make_connector(), timeout=limits, cookie_jar=aiohttp.DummyCookieJar()
        )

    async def stop(self) -> None:
        """Cancel every task, and close the renderer and the HTTP client."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._renderer.close()
        if self._session is not None:
            await self._session.close()

    @property
    def is_idle(self) -> bool:
        """Whether no render and no delivery is running."""
        return not self._tasks

    async def settle(self) -> None:
        """Wait until no task is running."""
        while self._tasks:
            await asyncio.wait(set(self._tasks))

    def deliver(self, delivery: Delivery) -> None:
        """Start a delivery."""
        self._start_task(self._deliver(delivery))

    def render(self, row: Row, owner: RenderTarget) -> None:
        """Start to render a video."""
        self._start_task(self._render(row, owner))

    def _start_task(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver(self, delivery: Delivery) -> None:
        began = time.monotonic()
        status, error = None, None
        try:
            status = await self._post(delivery)
        except (aiohttp.ClientError, asyncio.TimeoutError, OSError, ValueError) as raised:
            error = str(raised) or type(raised).__name__
        if status is not None and not 200 <= status < 300:
            error = f"The endpoint answered {status}"
        delivery.done(Outcome(status, int((time.monotonic() - began) * 1000), error))

    async def _post(self, delivery: Delivery) -> int:
        session = self._session
        if session is None:
            raise ConnectionError("The sandbox was stopped")
        problem = self._destinations.find_problem(delivery.url)
        if problem is not None:  # the URL is from an earlier run with other settings
            raise ConnectionError(f"The URL {problem}")
        async with session.post(
            delivery.url, data=delivery.body, headers=delivery.headers, allow_redirects=False
        ) as response:
            return response.status

    async def _render(self, row: Row, owner: RenderTarget) -> None:
        size_bytes = await self._renderer.render(
            row, self._files.folder / f"videos/{row['id']}.mp4", self._files.folder / f"thumbnails/{row['id']}.jpg"
        )
        owner.mark_rendered(row, size_bytes)
