"""`client.variants`, against the sandbox."""

from __future__ import annotations

import pytest

from bluma_async import AsyncBluma, errors
from bluma_async.sandbox import Sandbox
from tests.resources.made import PROMPT


async def test_variants(sandbox: Sandbox, client: AsyncBluma) -> None:
    """Items 67 to 72: presets keep the keys of their settings, and videos are made from them."""
    settings = {"systemPrompt": "Be funny", "compositionProps": {"voiceId": "x", "primaryColor": "#FF69B4"}}
    made = await client.variants.create(template_id="rick-morty-explainer", name="Funny", settings=settings)
    listed = await client.variants.list("rick-morty-explainer")
    read = await client.variants.get("rick-morty-explainer", made.id)
    changed = await client.variants.update(template_id="rick-morty-explainer", variant_id=made.id, settings={"a": 1})
    renamed = await client.variants.update("rick-morty-explainer", made.id, name="New")
    video = await client.videos.create(variant_id=made.id, context=PROMPT)
    await client.variants.delete("rick-morty-explainer", made.id)

    assert (made.id[:4], [entry.name for entry in listed], listed[0].is_active) == ("var_", ["Funny"], True)
    assert read.payload["settings"] == settings
    assert (changed.payload.settings, renamed.name) == ({"a": 1}, "New")
    assert (video.template_id, video.variant_id) == ("rick-morty-explainer", made.id)
    assert await client.variants.list("rick-morty-explainer") == []
    with pytest.raises(errors.NotFoundError):
        await client.variants.get("rick-morty-explainer", made.id)
    with pytest.raises(errors.InvalidArgumentError, match="nothing to update"):
        await client.variants.update("rick-morty-explainer", made.id)
    assert (await client.variants.create("rick-morty-explainer", "Empty", {})).payload.settings == {}
