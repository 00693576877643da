"""`client.usage`, against the sandbox."""

from __future__ import annotations

import pytest

from bluma_async import AsyncBluma, errors
from tests.resources.made import PROMPT


async def test_usage(client: AsyncBluma) -> None:
    """U1 to U6: the statistics of the requests in this test."""
    await client.videos.create(PROMPT, "ugc-text-overlay")
    with pytest.raises(errors.NotFoundError):
        await client.videos.get("nothing")

    metrics = await client.usage.get_metrics(period="7d")
    series = await client.usage.get_timeseries(granularity="day")
    top = await client.usage.get_top_endpoints(limit=1)
    recent = await client.usage.get_recent_requests(2)
    keys = await client.usage.get_usage_by_key()
    failures = await client.usage.get_error_breakdown()

    assert (metrics.total_requests, metrics.failed_requests, metrics.credits_consumed) == (2, 1, 2)
    assert series[0].requests == 3
    assert len(top) == 1
    assert [(entry.method, entry.endpoint) for entry in recent] == [
        ("GET", "/usage/endpoints"),
        ("GET", "/usage/timeseries"),
    ]
    assert (keys[0].requests, keys[0].credits_consumed) == (6, 2)
    assert [(entry.status_code, entry.count, entry.percentage) for entry in failures] == [(404, 1, 100.0)]
    with pytest.raises(errors.ValidationError):
        await client.usage.get_metrics(period="soon")
