"""
Calls that a type checker must refuse, and calls that it must accept. mypy and pyright read this file; nothing runs it.

The types of arguments name what is documented, and close nothing: every text and every mapping stays valid.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict

if TYPE_CHECKING:
    from bluma import AsyncBluma, Bluma
    from bluma.types import Context, KnownEventType, KnownResolution, KnownStatus, KnownTemplate, VideoOptions
    from tests.types.generated_contexts import CatExplainerV2Context


def refused() -> object:
    """Misspelt names and values, in variables that have a type."""
    options: VideoOptions = {"resoluton": "4k"}  # type: ignore[typeddict-unknown-key]  # misspelt
    context: Context = {"promt": "x"}  # type: ignore[typeddict-item, typeddict-unknown-key]  # misspelt
    template: KnownTemplate = "rick-morty"  # type: ignore[assignment]  # not documented
    resolution: KnownResolution = "4K"  # type: ignore[assignment]  # not documented
    status: KnownStatus = "done"  # type: ignore[assignment]  # not documented
    event: KnownEventType = "video.done"  # type: ignore[assignment]  # not documented
    misspelt: CatExplainerV2Context = {"prompt": "x", "voice": "energetic-male", "scenez": []}  # type: ignore[typeddict-unknown-key]  # misspelt
    voice: CatExplainerV2Context = {"prompt": "x", "voice": "deep"}  # type: ignore[typeddict-item]  # not offered
    return (options, context, template, resolution, status, event, misspelt, voice)


async def accepted(client: AsyncBluma, blocking: Bluma, name: str, free: Dict[str, Any]) -> None:
    """Documented values, and any others."""
    context: Context = {"prompt": "x", "brand_assets": {"logo": "https://x"}}
    options: VideoOptions = {"resolution": "8k", "watermark": False}
    await client.videos.create(context, "rick-morty-explainer", options=options)
    await client.videos.create(free, name, options=free)
    blocking.videos.create({"prompt": "x", "mood": "calm"}, "one-of-yours", options={"fps": 60})
    blocking.videos.list(status="queued")
    blocking.videos.list(status=name)
    blocking.webhooks.create("https://x", ["video.completed", name])
    blocking.templates.validate("one-of-yours", context)
    typed: CatExplainerV2Context = {"prompt": "x", "voice": "energetic-male", "class": None, "scenes": [{"text": "y"}]}
    blocking.videos.create(typed, "cat-explainer-v2")
    await client.templates.validate("cat-explainer-v2", typed)
