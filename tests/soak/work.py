"""The work of a long run: calls, waits, saves and webhooks, as programs make them."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Awaitable, Callable, Iterable, List

import aiohttp
from aiohttp import web
from typing_extensions import Self

from bluma import aiohttp_handler
from bluma_async import AsyncBluma, WebhookReceiver, errors, sign_webhook
from bluma_sync import Bluma

__all__ = ["AT_ONCE", "Work"]

AT_ONCE = 16  # calls in flight, and connections
THREADS = 4  # blocking callers
VIDEOS = 16  # that all calls read
SECRET = "whsec_soak"
OPTIONS: Any = {"timeout": 2.0, "max_retries": 2, "retry_delay": 0.0, "settle_time": 0.0, "max_retry_after": 1.0}


class Work:
    """One process's use of the API."""

    def __init__(self, base_url: str, key: str, folder: Path) -> None:
        self.outcomes: Counter[str] = Counter()
        self._base_url = base_url
        self._key = key
        self._folder = folder
        self._numbers = itertools.count()
        self._ids: List[str] = []
        self._opened = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Open the clients, and the server that receives events."""
        self._client = self._make_client()
        self._blocking = Bluma(self._key, self._base_url, connection_limit=THREADS, **OPTIONS)
        self._threads = self._opened.enter_context(ThreadPoolExecutor(THREADS))
        await self._opened.enter_async_context(self._client)
        self._opened.callback(self._blocking.close)
        await self._open_receiver()
        for _ in range(VIDEOS):
            await self._create()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._opened.aclose()

    async def run(self, calls: int, waits: int, saves: int, events: int) -> None:
        """Do a part of the work."""
        await asyncio.gather(
            self._repeat(calls, AT_ONCE - 4, self._call),
            self._repeat(waits, 2, self._wait),
            self._repeat(saves, 1, self._save),
            self._repeat(events, 1, self._send_event),
            self._repeat(max(calls // 500, 1), 1, self._create),
            self._repeat(max(calls // 1000, 1), 1, self._use_dropped_client),
        )

    async def _repeat(self, times: int, at_once: int, action: Callable[[], Awaitable[Any]]) -> None:
        numbers = iter(range(times))

        async def repeat(numbers: Iterable[int]) -> None:
            for _ in numbers:
                await self._count(action())

        await asyncio.gather(*(repeat(numbers) for _ in range(at_once)))

    async def _count(self, call: Awaitable[Any]) -> None:
        try:
            await call
        except errors.BlumaError as error:
            self.outcomes[type(error).__name__] += 1
        else:
            self.outcomes["succeeded"] += 1

    async def _call(self) -> None:
        """Make the next of several kinds of calls; most of them read a video."""
        number = next(self._numbers)
        client, video_id = self._client, self._ids[number % VIDEOS]
        kind = number % 20
        if kind == 0:
            await client.videos.list(limit=5)
        elif kind == 1:
            await client.templates.list()
        elif kind == 2:
            await client.videos.get("batch_unknown")
        elif kind == 3:
            await client.with_options(api_key=f"bluma_live_{number}").videos.get(video_id)
        elif kind == 4:
            await client.videos.get("")
        elif kind == 5:
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(self._threads, self._blocking.videos.get, video_id)
        else:
            await client.videos.get(video_id)

    async def _create(self) -> None:
        made = await self._client.videos.create({"prompt": "A long run of many calls"}, "consumerclub-discord-zoomed")
        if len(self._ids) < VIDEOS:
            self._ids.append(made.id)

    async def _wait(self) -> None:
        """Wait for a video; some waits time out, and some are cancelled."""
        number = next(self._numbers)
        waiting = self._client.videos.wait_for(
            self._ids[number % VIDEOS],
            poll_interval=0.01,
            timeout=0 if number % 5 == 0 else 5,
            on_progress=lambda _: None,
        )
        if number % 7:
            await waiting
            return
        task = asyncio.ensure_future(waiting)
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])

    async def _save(self) -> None:
        number = next(self._numbers)
        file = self._folder / f"{number}.mp4"
        await self._client.videos.save(self._ids[number % VIDEOS], file)
        file.unlink()

    async def _send_event(self) -> None:
        """Send an event to the receiver: most are new, some are sent twice, forged or garbage."""
        number = next(self._numbers)
        event = {"id": f"evt_{number - number % 3}", "type": "video.completed", "data": {"id": self._ids[0]}}
        body = b"garbage" if number % 11 == 0 else json.dumps(event).encode()
        signature = "sha256=00" if number % 13 == 0 else sign_webhook(body, SECRET)
        async with self._sender.post(self._receiver_url, data=body, headers={"X-Bluma-Signature": signature}) as answer:
            self.outcomes[f"event answered {answer.status}"] += 1

    async def _use_dropped_client(self) -> None:
        """Make a client in a function, and let it go without closing it."""
        await self._make_client().videos.get("batch_unknown")

    def _make_client(self) -> AsyncBluma:
        return AsyncBluma(self._key, self._base_url, connection_limit=AT_ONCE, on_ambiguous="adopt", **OPTIONS)

    async def _open_receiver(self) -> None:
        receiver = WebhookReceiver(SECRET)
        receiver.attach(self._client)
        receiver.on("video.completed")(lambda _: self.outcomes.update(["event handled"]))
        app = web.Application()
        app.router.add_post("/", aiohttp_handler(receiver))
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        self._opened.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self._receiver_url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
        self._sender = await self._opened.enter_async_context(aiohttp.ClientSession())
