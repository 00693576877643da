"""`client.api_keys`, against the sandbox."""

from __future__ import annotations

import pytest

from bluma_async import AsyncBluma, errors
from bluma_async.sandbox import Sandbox


async def test_api_keys(sandbox: Sandbox, client: AsyncBluma) -> None:
    """K1 to K4: a low limit gives a 429, the old key is valid after a rotation, and a deleted key is refused."""
    made = await client.api_keys.create("n", "test", rate_limit_per_hour=3)
    mine = client.with_options(api_key=made.key)
    for _ in range(3):
        await mine.templates.list()
    with pytest.raises(errors.RateLimitError) as caught:
        await mine.templates.list()
    fresh = await client.api_keys.rotate(made.id)
    await sandbox.advance(3601)

    assert (caught.value.retry_after, caught.value.metadata["limit"]) == (3600, 3)
    assert mine.rate_limit is not None
    assert (mine.rate_limit.limit, mine.rate_limit.remaining) == (3, 0)
    await mine.templates.list()
    await client.with_options(api_key=fresh.key).templates.list()
    await client.api_keys.delete(made.id)
    with pytest.raises(errors.AuthenticationError):
        await mine.templates.list()
    assert made.id in [key.id for key in await client.api_keys.list()]
