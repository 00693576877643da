"""A receiver passes callbacks with the token of a create to the client that waits for it."""

from __future__ import annotations

import asyncio
from typing import Any, Optional

import pytest

from bluma_async import AsyncBluma
from bluma_async.sandbox import Sandbox
from bluma_async.webhooks.receiver import WebhookReceiver
from tests.webhooks.servers import serve_with_aiohttp


@pytest.mark.parametrize("secret", ["whsec_unknown", None])
async def test_the_sandbox_confirms_a_lost_create(sandbox: Sandbox, secret: Optional[str]) -> None:
    """Of two creates whose answers are lost together each gets its own video: the receiver passes the callbacks on."""
    receiver = WebhookReceiver(secret or sandbox.webhook_secret)
    accepted = [asyncio.Event(), asyncio.Event()]

    def note(record: Any) -> None:
        if record.route == "POST /videos":
            next(event for event in accepted if not event.is_set()).set()

    sandbox.watch(note)
    sandbox.faults.add("POST /videos", "drop_after", times=2)
    async with AsyncBluma(sandbox.live_key, base_url=sandbox.base_url, retry_delay=0.0) as client:
        receiver.attach(client)
        with serve_with_aiohttp(receiver) as port:
            url = f"http://127.0.0.1:{port}/hook?create={{create_token}}"
            creates = [
                asyncio.ensure_future(client.videos.create({"prompt": name}, "ugc-text-overlay", webhook_url=url))
                for name in ("one", "two")
            ]
            for event in accepted:
                await event.wait()
            await sandbox.advance(105)
            videos = await asyncio.gather(*creates)

    assert [sandbox._running.videos.need(video.id)["prompt"] for video in videos] == ["one", "two"]
    assert sandbox.state()["billed"] == 2
