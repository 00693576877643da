"""Credits: prices, refunds, and a balance that is too low."""

from __future__ import annotations

import aiohttp

from bluma_async.sandbox import Sandbox
from tests.sandbox.conftest import Plain


async def test_prices_follow_the_resolution(plain: Plain) -> None:
    """Reference 3: 2 credits times the factor of the resolution, rounded up, deducted when the create is accepted."""
    prices = [(await plain.make(options={"resolution": size}))["credits_charged"] for size in ("720p", "1080p", "4k")]
    _, ledger, _ = await plain("GET", "/_sandbox/ledger")

    assert prices == [2, 3, 6]
    assert [row["amount"] for row in ledger["transactions"]] == [-6, -3, -2, 500]
    assert ledger["transactions"][0]["balance_after"] == 489


async def test_a_balance_that_is_too_low_is_a_402() -> None:
    """The error shows how the price is calculated; no video is created."""
    async with Sandbox(clock="manual", render=False, credits=5) as sandbox, aiohttp.ClientSession() as session:
        plain = Plain(session, sandbox)
        job = {"template_id": "ugc-text-overlay", "context": {"prompt": "x"}, "options": {"resolution": "4k"}}
        status, answer, _ = await plain("POST", "/videos", job)

    assert status == 402
    assert answer["error"]["metadata"] == {
        "credits_required": 6,
        "credits_available": 5,
        "credit_cost_breakdown": {"base": 2, "resolution_multiplier": 3.0},
    }
    assert sandbox.state()["jobs"]["live"] == 0


async def test_a_failed_render_is_refunded(sandbox: Sandbox, plain: Plain) -> None:
    """A failed video has its reason, and its price is refunded."""
    made = await plain.make("will [fail]")
    await sandbox.advance(105)

    _, video, _ = await plain("GET", f"/videos/{made['id']}")

    assert (video["status"], video["progress"], video["error"]["type"]) == ("failed", 40, "rendering_failed")
    assert (video["url"], sandbox.state()["credits"], sandbox.state()["billed"]) == (None, 500, 1)
