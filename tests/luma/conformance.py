"""The cases of the conformance suite, one for each provider in the registry, derived from adapter and sandbox."""

from __future__ import annotations

from typing import Any, Dict, NamedTuple

from bluma_async import AsyncLuma
from bluma_async.luma.registry import PROVIDERS
from bluma_async.sandbox import Sandbox
from bluma_async.sandbox.luma.provider_api import load_apis
from bluma_async.types import Generation

ARGUMENTS: Dict[str, Dict[str, Any]] = {
    "modifications": {"video_url": "https://example.com/in.mp4"},
    "generations": {"aspect_ratio": "16:9"},
}


class Case(NamedTuple):
    """How a test starts something with a provider."""

    resource: str
    arguments: Dict[str, Any]
    create_route: str


def build_case(provider: str) -> Case:
    """Return the case of a provider."""
    adapter = PROVIDERS[provider]
    resource = "modifications" if adapter.capabilities.modify else "generations"
    call = adapter.build_create({"prompt": "x", **ARGUMENTS[resource]})
    return Case(resource, ARGUMENTS[resource], f"{call.method} {load_apis()[provider].base_path}{call.path}")


def make_client(provider: Any, sandbox: Sandbox, **options: Any) -> AsyncLuma:
    """Return a client of a provider's API in the sandbox, without pauses between retries."""
    return AsyncLuma(provider, sandbox.live_key, sandbox.luma_url(provider), **{"retry_delay": 0.0, **options})


def get_resource(luma: AsyncLuma) -> Any:
    """Return the resource that the provider supports."""
    return getattr(luma, build_case(luma.provider).resource)


async def start(luma: AsyncLuma, prompt: str = "Flying jellyfish", **more: Any) -> Generation:
    """Start a generation or a modification."""
    started: Generation = await get_resource(luma).create(prompt, **{**build_case(luma.provider).arguments, **more})
    return started
