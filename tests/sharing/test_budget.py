"""One hourly budget for all processes: none of them sends a request that would be answered with 429."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import AsyncIterator

import pytest

from bluma_async import AsyncBluma, errors
from bluma_async.sandbox import Sandbox
from tests.fakes import FakeClock
from tests.sharing.conftest import CONTEXT, TEMPLATE, MakeClient

LIMIT = 100


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    """Give a sandbox with a small hourly limit, whose clock stands still."""
    async with Sandbox(clock="manual", render=False, rate_limit=LIMIT) as running:
        yield running


async def read_all(client: AsyncBluma, count: int) -> int:
    """Send reads one after the other until the budget has no place for them; return how many were answered."""
    done = 0
    with suppress(errors.RequestTimeoutError):
        while done < count:
            await client.videos.list()
            done += 1
    return done


async def test_processes_together_stay_within_the_limit(sandbox: Sandbox, make_client: MakeClient) -> None:
    """Each would stay within it alone; together they lease their requests, and none is refused by the server."""
    clients = [make_client(deadline=0.5, base_url=sandbox.base_url) for _ in range(3)]

    counts = await asyncio.gather(*(read_all(client, LIMIT) for client in clients))

    assert {record.status for record in sandbox.requests} == {200}
    assert LIMIT * 0.8 <= sum(counts) == len(sandbox.requests) <= LIMIT


async def test_creates_come_before_reads_and_reads_before_lists(sandbox: Sandbox, make_client: MakeClient) -> None:
    """Lists leave a reserve, from which single videos are read and creates are sent."""
    client = make_client(deadline=0.5)
    made = await client.videos.create(CONTEXT, TEMPLATE)
    await read_all(client, LIMIT)

    with pytest.raises(errors.RequestTimeoutError):
        await client.videos.list()
    for _ in range(2):
        await client.videos.get(made.id)
    await client.videos.create(CONTEXT, TEMPLATE)

    assert 429 not in {record.status for record in sandbox.requests}


async def test_a_budget_that_is_used_up_is_an_error_that_says_that_nothing_was_sent(
    sandbox: Sandbox, make_client: MakeClient
) -> None:
    """A call without a deadline waits for half a minute at most."""
    clock = FakeClock()
    client = make_client(clock=clock)

    with pytest.raises(errors.RateLimitError, match="Nothing was sent"):
        await read_all(client, LIMIT + 1)

    assert {record.status for record in sandbox.requests} == {200}
    assert sum(clock.slept) <= 30


async def test_a_spent_budget_is_logged_once_for_all_calls(
    sandbox: Sandbox, make_client: MakeClient, caplog: pytest.LogCaptureFixture
) -> None:
    """Many calls wait for the same budget; the error of each names it, and not the API."""
    client = make_client(clock=FakeClock())
    with suppress(errors.RateLimitError):
        await read_all(client, LIMIT + 1)

    calls = (client.with_options(deadline=15).videos.get(f"v{number}") for number in range(20))
    outcomes = await asyncio.gather(*calls, return_exceptions=True)

    late = [outcome for outcome in outcomes if isinstance(outcome, errors.RequestTimeoutError)]
    assert late
    for problem in late:
        assert "The hourly budget of this key is " in str(problem)
        assert not problem.request_sent
    [message] = [record.getMessage() for record in caplog.records if "budget" in record.getMessage()]
    assert f" of {LIMIT} requests are left" in message
