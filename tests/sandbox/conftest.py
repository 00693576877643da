"""A plain HTTP client and a webhook endpoint, so that the sandbox is tested without the SDK."""

from __future__ import annotations

from datetime import datetime
from typing import Any, AsyncIterator, Callable, Dict, List, Optional, Tuple

import aiohttp
import pytest
from aiohttp import web

from bluma_async.sandbox import Sandbox

Reply = Tuple[int, Any, Any]  # status, body, headers
JOB = {"template_id": "ugc-text-overlay", "context": {"prompt": "x"}}


def parse_time(text: str) -> datetime:
    """Parse a time in the API's form."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S%z")


class Plain:
    """Sends requests to a sandbox as curl does; sends the live key unless `key` is changed."""

    def __init__(self, session: aiohttp.ClientSession, sandbox: Sandbox) -> None:
        self.session = session
        self.sandbox = sandbox
        self.key: Optional[str] = sandbox.live_key

    async def __call__(self, method: str, path: str, body: Any = None, **options: Any) -> Reply:
        headers = dict(options.pop("headers", {}))
        if self.key is not None:
            headers.setdefault("Authorization", f"Bearer {self.key}")
        url = path if path.startswith("http") else f"{self.sandbox.base_url}{path}"
        if path.startswith("/_sandbox"):
            url = self.sandbox.origin + path
        if body is not None:
            options["json"] = body
        async with self.session.request(method, url, headers=headers, **options) as response:
            raw = await response.read()
            is_json = response.content_type == "application/json" and raw
            return response.status, await response.json() if is_json else raw, response.headers

    async def make(self, prompt: str = "Test", **more: Any) -> Dict[str, Any]:
        """Create a video, and return the answer."""
        body = {"template_id": "ugc-text-overlay", "context": {"prompt": prompt}, **more}
        status, answer, _ = await self("POST", "/videos", body)
        assert status == 202
        return dict(answer)


async def finish_video(plain: Plain) -> Any:
    """Create a video, complete it, and return it."""
    made = await plain.make()
    await plain.sandbox.advance(0)
    await plain.sandbox.advance(105)
    return (await plain("GET", f"/videos/{made['id']}"))[1]


@pytest.fixture
async def plain(sandbox: Sandbox) -> AsyncIterator[Plain]:
    """Provide a plain client of the sandbox, with its live key."""
    async with aiohttp.ClientSession() as session:
        yield Plain(session, sandbox)


class Inbox:
    """A webhook endpoint that records every delivery, and answers with the status of `answer`."""

    def __init__(self) -> None:
        self.url = ""
        self.received: List[Tuple[Dict[str, str], bytes]] = []
        self.answer: Callable[[], int] = lambda: 200

    async def receive(self, request: web.Request) -> web.Response:
        self.received.append((dict(request.headers), await request.read()))
        return web.Response(status=self.answer())


@pytest.fixture
async def inbox() -> AsyncIterator[Inbox]:
    """Provide a webhook endpoint on loopback."""
    box = Inbox()
    app = web.Application()
    app.router.add_post("/hook", box.receive)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    box.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    yield box
    await runner.cleanup()
