"""
Background work of the sandbox: renders and webhook deliveries, which can be awaited and cancelled.

Rule: no task ends with an exception that nobody reads. A render that cannot be done ends its video as failed; every
other exception is logged when its task ends.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Any, Coroutine, Protocol, Set, Tuple

import aiohttp

from bluma_async.sandbox.events import Delivery, Outcome
from bluma_async.sandbox.recorder import LARGEST_BODY

if TYPE_CHECKING:
    from bluma_async.sandbox.clock import Clock
    from bluma_async.sandbox.destinations import Destinations
    from bluma_async.sandbox.files import Files
    from bluma_async.sandbox.recorder import Recorder
    from bluma_async.sandbox.rendering import Renderer
    from bluma_async.sandbox.tables import Row

__all__ = ["Workers"]

logger: logging.Logger = logging.getLogger("bluma.sandbox")

DELIVERY_TIMEOUT = 5.0
ANSWER_TIMEOUT = 0.5  # seconds for each part of the body of an answer


class RenderTarget(Protocol):
    """The owner of a row whose file is rendered."""

    def mark_rendered(self, row: Row, size_bytes: int, /) -> None:
        """Record that the file exists."""
        ...

    def mark_unrenderable(self, row: Row, /) -> None:
        """End the row as failed, because its file cannot be made."""
        ...


class Workers:
    """The background tasks of one sandbox."""

    def __init__(
        self, files: Files, renderer: Renderer, destinations: Destinations, recorder: Recorder, clock: Clock
    ) -> None:
        self._files = files
        self._recorder = recorder
        self._clock = clock
        self._renderer = renderer
        self._destinations = destinations
        # A reference keeps a task from being garbage-collected before it has finished.
        self._tasks: Set[asyncio.Task[None]] = set()
        self._renders: Set[asyncio.Task[None]] = set()  # those of the tasks that render
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

    async def settle_renders(self) -> None:
        """Wait until no render is running. Deliveries may be waiting for the caller."""
        while self._renders:
            await asyncio.wait(set(self._renders))

    def deliver(self, delivery: Delivery) -> None:
        """Start a delivery."""
        self._start_task(self._deliver(delivery))

    def render(self, row: Row, owner: RenderTarget) -> None:
        """Start to render a video."""
        task = self._start_task(self._render(row, owner))
        self._renders.add(task)
        task.add_done_callback(self._renders.discard)

    def _start_task(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(_log_failure)
        return task

    async def _deliver(self, delivery: Delivery) -> None:
        began = time.monotonic()
        status, error, body = None, None, b""
        try:
            status, body = await self._post(delivery)
        except (aiohttp.ClientError, asyncio.TimeoutError, OSError, ValueError) as raised:
            error = str(raised) or type(raised).__name__
        if status is not None and not 200 <= status < 300:
            error = f"The endpoint answered {status}"
        outcome = Outcome(status, int((time.monotonic() - began) * 1000), error, body)
        self._recorder.add_delivery(delivery, outcome, self._clock.time(), delivery.done(outcome))

    async def _post(self, delivery: Delivery) -> Tuple[int, bytes]:
        session = self._session
        if session is None:
            raise ConnectionError("The sandbox was stopped")
        problem = self._destinations.find_problem(delivery.url)
        if problem is not None:  # the URL is from an earlier run with other settings
            raise ConnectionError(f"The URL {problem}")
        async with session.post(
            delivery.url, data=delivery.body, headers=delivery.headers, allow_redirects=False
        ) as response:
            return response.status, await self._read_answer(response) if self._recorder.is_active else b""

    async def _read_answer(self, response: aiohttp.ClientResponse) -> bytes:
        """Return the first bytes of an answer; its status decides, so a body that does not come changes nothing."""
        body = b""
        try:
            while len(body) < LARGEST_BODY:
                piece = await asyncio.wait_for(response.content.read(LARGEST_BODY - len(body)), ANSWER_TIMEOUT)
                if not piece:
                    break
                body += piece
        except (aiohttp.ClientError, asyncio.TimeoutError, OSError):
            pass
        return body

    async def _render(self, row: Row, owner: RenderTarget) -> None:
        name, folder = row["id"], self._files.folder
        try:
            size_bytes = await self._renderer.render(
                row, folder / f"videos/{name}.mp4", folder / f"thumbnails/{name}.jpg"
            )
        except Exception as error:  # noqa: BLE001 - a full disk, a broken font: clients wait for the video to end
            logger.error("%s was not rendered, and has failed: %s: %s", name, type(error).__name__, error)  # noqa: TRY400
            owner.mark_unrenderable(row)
            return
        owner.mark_rendered(row, size_bytes)


def _log_failure(task: asyncio.Task[None]) -> None:
    error = None if task.cancelled() else task.exception()
    if error is not None:
        logger.error("Background work of the sandbox ended with an error", exc_info=error)
