"""Refusals and damaged answers, against the sandbox."""

from __future__ import annotations

import pytest

from bluma_async import AsyncBluma, errors
from bluma_async.sandbox import Sandbox
from tests.resources.made import PROMPT


async def test_each_refusal_has_its_error(sandbox: Sandbox, client: AsyncBluma) -> None:
    """Items 95, 98 and 100: a wrong key, an unknown id, an unknown template, too few credits."""
    stranger = client.with_options(api_key="bluma_live_unknown")

    with pytest.raises(errors.AuthenticationError) as key:
        await stranger.templates.list()
    with pytest.raises(errors.NotFoundError) as video:
        await client.videos.get("batch_nothing")
    with pytest.raises(errors.ValidationError) as template:
        await client.videos.create({"prompt": "Test"}, "invalid-template")
    for _ in range(83):
        await client.videos.create(PROMPT, "ugc-text-overlay", options={"resolution": "4k"})
    with pytest.raises(errors.InsufficientCreditsError) as caught:
        await client.videos.create(PROMPT, "ugc-text-overlay", options={"resolution": "4k"})
    poor = caught.value

    assert "bluma_live_unknown" not in str(key.value)
    assert video.value.metadata == {"resource_type": "video", "resource_id": "batch_nothing"}
    assert template.value.field == "template_id"
    assert (poor.credits_required, poor.credits_available) == (6, sandbox.state()["credits"])
    assert sandbox.state()["jobs"]["live"] == sandbox.state()["billed"]


async def test_a_rate_limit_error_has_the_details(sandbox: Sandbox, client: AsyncBluma) -> None:
    """A 429 in the documented form becomes the documented error."""
    sandbox.faults.add("GET /templates", "status", status=429, retry_after=3600)

    with pytest.raises(errors.RateLimitError) as caught:
        await client.templates.list()

    assert caught.value.retry_after == 3600


@pytest.mark.parametrize("kind", ["not_json", "truncate", "html", "string_error", "drop_before", "trickle", "silent"])
async def test_an_unreadable_answer_is_a_bluma_error(sandbox: Sandbox, client: AsyncBluma, kind: str) -> None:
    """However an answer is damaged, a BlumaError is raised, and the next call works."""
    sandbox.faults.add("GET /templates", kind, times=None)
    hasty = client.with_options(timeout=0.1, max_retries=0)

    with pytest.raises(errors.BlumaError) as caught:
        await hasty.templates.list()

    assert caught.value.status in {500, 502, 503, 504}
    sandbox.faults.clear()
    assert len(await client.templates.list()) == 5
