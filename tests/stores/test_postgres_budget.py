"""The budget that processes share: never more requests than the server has left."""

from __future__ import annotations

import asyncio
from typing import Any, List

import pytest

from bluma_async.stores.budget import Report
from bluma_async.stores.postgres.jobs import PostgresJobStore


async def open_budgets(url: str, count: int) -> Any:
    """Return so many processes, and the budget of one key in each."""
    stores: List[PostgresJobStore] = [await PostgresJobStore.open(url, to_write=True) for _ in range(count)]
    return stores, [store.sharing.find_budget("key") for store in stores if store.sharing is not None]


async def test_processes_never_lease_more_than_is_left(postgres: str) -> None:
    """Blocks become smaller as the budget ends; then a lease names the time to wait."""
    stores, budgets = await open_budgets(postgres, 3)
    await budgets[0].lease(0, Report(100, 30, 60.0, 0.0), 0.0)

    granted = 0
    for round_ in range(40):
        granted += (await budgets[round_ % 3].lease(0, None, 0.0)).tokens
    empty = await budgets[0].lease(0, None, 0.0)

    assert granted <= 30
    assert granted > 20
    assert (empty.tokens, empty.wait) == (0, 1.0)
    for store in stores:
        await store.close()


async def test_a_report_is_corrected_by_what_others_hold(postgres: str) -> None:
    """The server has not counted the requests that are leased and not sent."""
    stores, (one, two) = await open_budgets(postgres, 2)
    await two.lease(0, Report(1000, 100, 60.0, 0.0), 0.0)
    held = (await two.lease(8, None, 0.0)).tokens + 8

    leases = [(await one.lease(0, Report(1000, 20, 60.0, 0.0), 0.0)).tokens]
    leases += [(await one.lease(0, None, 0.0)).tokens for _ in range(30)]

    assert sum(leases) == 20 - held
    for store in stores:
        await store.close()


async def test_what_a_dead_process_holds_comes_back(postgres: str, postgres_server: Any) -> None:
    """The requests that a dead process has leased are available again after the next report."""
    stores, (one, two) = await open_budgets(postgres, 2)
    await two.lease(15, Report(1000, 100, 60.0, 0.0), 0.0)
    dead = (
        f"UPDATE bluma_workers SET ends_at = now() - interval '1 s' WHERE epoch = {stores[1].sharing.epoch} RETURNING 1"
    )
    postgres_server.fetch(postgres, dead)

    tokens = [(await one.lease(0, Report(1000, 5, 60.0, 0.0), 0.0)).tokens]
    tokens += [(await one.lease(0, None, 0.0)).tokens for _ in range(10)]

    assert sum(tokens) == 5
    for store in stores:
        await store.close()


async def test_a_late_report_only_lowers_the_budget(postgres: str) -> None:
    """An answer that is older than the one known says nothing about the requests since."""
    stores, (one,) = await open_budgets(postgres, 1)
    await one.lease(0, Report(1000, 3, 60.0, 0.0), 0.0)

    await one.lease(0, Report(1000, 500, 60.0, 30.0), 0.0)
    tokens = [(await one.lease(0, None, 0.0)).tokens for _ in range(10)]

    assert sum(tokens) <= 3
    for store in stores:
        await store.close()


async def test_the_reset_gives_one_request_back(postgres: str) -> None:
    """In a sliding window the others come later; its answer tells the rest."""
    stores, (one, two) = await open_budgets(postgres, 2)
    await one.lease(0, Report(1000, 0, 0.0, 0.0), 0.0)

    tokens = [(await budget.lease(0, None, 0.0)).tokens for budget in (one, two, one, two)]

    assert sum(tokens) <= 1
    for store in stores:
        await store.close()


async def test_the_reset_ends_a_reserve(postgres: str) -> None:
    """Without an answer nobody would learn what is left: less important requests may be the only ones."""
    stores, (one,) = await open_budgets(postgres, 1)
    await one.lease(0, Report(1000, 7, 0.0, 0.0), 1.0)

    tokens = [(await one.lease(0, None, reserve)).tokens for reserve in (0.01, 0.01)]

    assert sum(tokens) <= 1
    await asyncio.sleep(1.1)
    assert (await one.lease(0, None, 0.01)).tokens == 1
    for store in stores:
        await store.close()


@pytest.mark.parametrize(("reserve", "is_granted"), [(0.0, True), (0.05, False)])
async def test_creates_come_before_polls(postgres: str, reserve: float, is_granted: bool) -> None:
    """Less important requests leave a share of the limit."""
    stores, (one,) = await open_budgets(postgres, 1)
    await one.lease(0, Report(1000, 40, 60.0, 0.0), 1.0)

    assert ((await one.lease(0, None, reserve)).tokens > 0) == is_granted
    for store in stores:
        await store.close()
