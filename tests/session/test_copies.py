"""Copies of a client, one for each key of a server's users: what is left of them is bounded."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc

from bluma_async import AsyncBluma
from bluma_async._session.budgets import MAX_KEYS
from bluma_async._session.evidence import CreateEvidence, registry
from bluma_async._session.session import Session
from tests.fakes import VIDEO, answer, client_with

COPIES = 5_000
BUDGET = {"X-RateLimit-Limit": "10", "X-RateLimit-Remaining": "3"}


def count(kind: type) -> int:
    """Return how many objects of a class there are."""
    return sum(type(each) is kind for each in gc.get_objects())


def make_copies(client: AsyncBluma, name: str) -> None:
    """Make copies with keys of their own, and drop them."""
    for number in range(COPIES):
        client.with_options(api_key=f"bluma_test_{name}_{number}").videos  # noqa: B018 - makes the resource


def test_copies_with_other_keys_leave_nothing() -> None:
    """Neither a session, nor evidence, nor memory is left of copies that are gone."""
    client, _, _ = client_with(answer(200, VIDEO))
    gc.collect()
    before = count(Session), count(CreateEvidence), len(registry)
    make_copies(client, "first")  # Python keeps the memory of up to 2,000 tuples of each size
    tracemalloc.start()
    started = tracemalloc.get_traced_memory()[0]

    make_copies(client, "second")
    grown = tracemalloc.get_traced_memory()[0] - started
    tracemalloc.stop()

    assert (count(Session), count(CreateEvidence), len(registry)) == before
    assert grown < 10 * COPIES  # bytes; the key alone has more


async def test_calls_with_other_keys_leave_a_bounded_number_of_budgets() -> None:
    """Only the budgets of the newest keys are kept; a wait leaves nothing."""
    client, _, _ = client_with(answer(200, VIDEO, BUDGET))
    gc.collect()
    before = count(Session)

    for number in range(MAX_KEYS + 100):
        copy = client.with_options(api_key=f"bluma_test_{number}")
        await copy.videos.get("batch_1")
        await copy.videos.wait_for("batch_1")
    del copy
    while client._hub._pollers:
        await asyncio.sleep(0)

    assert len(client._session.shared.budgets._headers) == MAX_KEYS
    gc.collect()
    assert count(Session) <= before  # some of earlier tests can be gone by now
