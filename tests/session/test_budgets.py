"""The rate-limit budgets that copies of a client share, one for each key."""

from __future__ import annotations

from bluma_async._session.budgets import MAX_KEYS, Budgets
from tests.fakes import VIDEO, answer, client_with

BUDGET = {"x-ratelimit-limit": "10", "x-ratelimit-remaining": "3"}


def test_budgets_are_bounded() -> None:
    """The newest answer of each key counts; only the newest thousand keys are kept."""
    budgets = Budgets()

    for number in range(MAX_KEYS + 1):
        budgets.update(f"key {number}", BUDGET)
    budgets.update("key 2", {**BUDGET, "x-ratelimit-remaining": "2"})
    budgets.update("key 2", {})

    newest = budgets.get("key 2")
    assert (budgets.get("key 0"), budgets.get("unknown")) == (None, None)
    assert newest is not None
    assert newest.remaining == 2


async def test_each_key_has_its_own_budget() -> None:
    """A copy with another key does not see the budget of the first key."""
    client, _, _ = client_with(answer(200, VIDEO, BUDGET))

    await client.videos.get("batch_1")

    assert client.with_options(api_key="bluma_test_other").rate_limit is None
    assert client.with_options(timeout=5).rate_limit is not None
