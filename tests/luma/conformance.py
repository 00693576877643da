"""What every provider must stand. A new adapter is put into `CASES`, with how it starts something."""

from __future__ import annotations

from typing import Any, Dict, NamedTuple

from bluma_async import AsyncLuma
from bluma_async.sandbox import Sandbox
from bluma_async.types import Generation


class Case(NamedTuple):
    """How a provider is put to the test."""

    resource: str
    arguments: Dict[str, Any]
    create_route: str
    callback_argument: bool


CASES: Dict[str, Case] = {
    "kie": Case("modifications", {"video_url": "https://example.com/in.mp4"}, "POST /kie/api/v1/modify/generate", True),
    "umami": Case("generations", {"aspect_ratio": "16:9"}, "POST /umami/v1/luma-ai/generations", False),
    "vapi": Case("generations", {"aspect_ratio": "16:9"}, "POST /vapi/luma/generations", True),
}


def client_of(provider: Any, sandbox: Sandbox, **options: Any) -> AsyncLuma:
    """Return a client of the sandbox's provider, that polls fast."""
    return AsyncLuma(provider, sandbox.live_key, sandbox.luma_url(provider), **{"retry_delay": 0.0, **options})


def resource_of(luma: AsyncLuma) -> Any:
    """Return the resource that the provider serves."""
    return getattr(luma, CASES[luma.provider].resource)


async def start(luma: AsyncLuma, prompt: str = "Flying jellyfish", **more: Any) -> Generation:
    """Start something."""
    made: Generation = await resource_of(luma).create(prompt, **{**CASES[luma.provider].arguments, **more})
    return made
