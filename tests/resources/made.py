"""Videos that are made for a test."""

from __future__ import annotations

from typing import Any

from bluma_async import AsyncBluma, types
from bluma_async.sandbox import Sandbox

PROMPT = {"prompt": "Explain why the sky is blue"}


async def completed(sandbox: Sandbox, client: AsyncBluma, **arguments: Any) -> types.Video:
    """Return a completed video of the sandbox."""
    video = await client.videos.create(**{"context": PROMPT, "template_id": "ugc-text-overlay", **arguments})
    await sandbox.advance(0)
    await sandbox.advance(105)
    return await client.videos.get(video.id)
