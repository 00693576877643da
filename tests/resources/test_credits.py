"""`client.credits`, against the sandbox."""

from __future__ import annotations

from datetime import datetime

from bluma_async import AsyncBluma
from bluma_async.sandbox import Sandbox


async def test_credits(sandbox: Sandbox, client: AsyncBluma) -> None:
    """Items 54 to 57: the balance, the ledger, its pages, and a refund."""
    for prompt in ("one", "two [fail]", "three"):
        await client.videos.create({"prompt": prompt}, "ugc-text-overlay")
    await sandbox.advance(105)

    balance = await client.credits.get_balance()
    history = await client.credits.get_history(limit=2, offset=1)
    everything = [entry async for entry in client.credits.iterate(page_size=2)]

    assert (balance.credits, balance.tier, balance.monthly_allowance) == (496, "pro", 500)
    assert isinstance(balance.reset_date, datetime)
    assert (len(history), history.total) == (2, 5)
    assert [f"{entry.type}" for entry in everything] == ["refund", "deduction", "deduction", "deduction", "purchase"]
    assert [entry.amount for entry in everything] == [2, -2, -2, -2, 500]
    assert [entry.id for entry in history] == [entry.id for entry in everything[1:3]]
    assert everything[0].created_at is not None
