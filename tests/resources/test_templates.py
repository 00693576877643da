"""`client.templates`, against the sandbox."""

from __future__ import annotations

import pytest

from bluma_async import AsyncBluma, errors


async def test_templates(client: AsyncBluma) -> None:
    """Items 49 to 53: the five templates of the quickstart, and one in full."""
    templates = await client.templates.list()
    one = await client.templates.get("rick-morty-explainer")

    assert len(templates) == 5
    assert all(template.base_cost == 2 and template.duration_range for template in templates)
    assert one.name == "Rick & Morty Meme Explainer"
    assert one.context_schema is not None
    assert one.context_schema.required == ["prompt"]
    assert (await client.templates.get("meme-dialogue")).id == "meme-dialogue"
    with pytest.raises(errors.NotFoundError):
        await client.templates.get("nothing")
