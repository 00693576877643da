"""Polls are paced by the rate-limit headers."""

from __future__ import annotations

import asyncio
from typing import Dict

from tests.waiting.served import served


async def test_five_hundred_under_a_thousand_an_hour() -> None:
    """500 waits under 1,000 requests an hour: no 429, and each wait ends at most two minutes after its video."""
    ends = {f"v{number}": 100.0 + number * 7 for number in range(500)}
    client, server, clock = served(ends, budget=1000)
    learned: Dict[str, float] = {}

    async def wait(name: str) -> None:
        await client.videos.wait_for(name, timeout=86400)
        learned[name] = clock.time - server.ends[name]

    await asyncio.gather(*(wait(name) for name in ends))

    assert server.refused == 0
    assert len(learned) == 500
    assert max(learned.values()) < 120


async def test_a_spent_budget_is_waited_for() -> None:
    """With nothing left, no request is sent before the reset."""
    client, server, clock = served({"v": 4000.0}, budget=3)

    await client.videos.wait_for("v", timeout=86400)

    assert server.refused == 0
    assert min(clock.slept) > 500


async def test_a_budget_spent_by_other_calls_is_waited_for() -> None:
    """If other calls have used up the budget, the first poll comes after the reset."""
    client, server, clock = served({"v": 0.0, "w": 0.0}, budget=1)
    await client.videos.get("w")

    await client.videos.wait_for("v", timeout=86400)

    assert (server.refused, len(server.sent)) == (0, 2)
    assert clock.time >= 1000 + 3600
