"""API keys: rate limits, and keys of the free tier."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import List

import aiohttp

from bluma_async.sandbox import Sandbox
from tests.sandbox.conftest import Plain


async def test_the_rate_limit_window_slides() -> None:
    """Reference 2.5: the headers count down, the 429 has Retry-After, and a request counts for one hour."""
    async with Sandbox(clock="manual", render=False, rate_limit=2) as sandbox, aiohttp.ClientSession() as session:
        plain = Plain(session, sandbox)
        first = await plain("GET", "/templates")
        await sandbox.advance(600)
        await plain("GET", "/templates")
        await sandbox.advance(600)
        status, answer, headers = await plain("GET", "/templates")
        await sandbox.advance(3000)
        again = await plain("GET", "/templates")

    assert (first[2]["X-RateLimit-Limit"], first[2]["X-RateLimit-Remaining"]) == ("2", "1")
    assert (status, headers["Retry-After"], headers["X-RateLimit-Remaining"]) == (429, "3000", "0")
    assert answer["error"]["metadata"] == {"limit": 2, "retry_after": 3000, "current_usage": 2}
    assert int(headers["X-RateLimit-Reset"]) == parsedate_to_datetime(headers["Date"]).timestamp() + 3000
    assert again[0] == 200


async def test_a_refused_request_counts_too() -> None:
    """Reference 2.5: every call counts, failed ones included; who waits for Retry-After is served."""
    async with Sandbox(clock="manual", render=False, rate_limit=2) as sandbox, aiohttp.ClientSession() as session:
        plain = Plain(session, sandbox)
        early: List[str] = []
        for _ in range(5):
            early.append((await plain("GET", "/templates"))[2].get("Retry-After", "served"))
            await sandbox.advance(1200)
        await sandbox.advance(1199)
        hasty = await plain("GET", "/templates")
        await sandbox.advance(int(hasty[2]["Retry-After"]))
        patient = await plain("GET", "/templates")

    assert early == ["served", "served", "2400", "2400", "2400"]
    assert (hasty[0], hasty[2]["Retry-After"]) == (429, "1201")
    assert patient[0] == 200


async def test_the_free_tier_has_test_keys_only(plain: Plain) -> None:
    """Production keys need a paid plan; a session token is accepted for `/api-keys` only."""
    async with Sandbox(clock="manual", render=False, tier="free") as sandbox:
        plain.sandbox, plain.key = sandbox, "session_sandbox"
        denied, _, _ = await plain("POST", "/api-keys", {"name": "n", "environment": "production"})
        allowed, made, _ = await plain("POST", "/api-keys", {"name": "n", "environment": "test"})
        elsewhere, _, _ = await plain("GET", "/templates")

    assert (denied, allowed, elsewhere) == (403, 201, 401)
    assert made["api_key"] == made["key"]
    assert made["rate_limit_per_hour"] == 100
