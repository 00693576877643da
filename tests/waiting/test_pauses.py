"""While the hourly budget of the key is spent, a wait says that, and not that the server does not answer."""

from __future__ import annotations

import asyncio
from datetime import datetime, timezone
from typing import List

import pytest

from bluma import StatusInfo
from bluma_async import errors
from bluma_async._session.pauses import BudgetPause, Pauses
from bluma_async._wire.messages import Answer, Request
from tests.fakes import DATE, VIDEO, FakeClock, answer, client_with

RESET = "1762169430"  # an hour after the date of the fake answers
SPENT = {"X-RateLimit-Limit": "8", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": RESET, "Date": DATE}
FACTS = "The hourly budget of this key is spent: 0 of 8 requests are left. Requests are possible again"


def read(request: Request) -> Answer:
    """Return the answer to a poll: the video is completed."""
    return answer(200, {**VIDEO, "id": request.url.rpartition("/")[2]})


async def test_a_spent_budget_is_reported_once_and_not_as_silence(caplog: pytest.LogCaptureFixture) -> None:
    """Each wait is told the reason and the end of the pause; one line is logged for all of them."""
    news: List[StatusInfo] = []
    client, transport, _ = client_with(answer(200, VIDEO, SPENT), read)
    await client.videos.get("batch_1")

    await asyncio.gather(*(client.videos.wait_for(f"v{i}", timeout=7200, on_status=news.append) for i in range(3)))

    told = [info for info in news if info.error is not None]
    assert {info.id for info in told} == {"v0", "v1", "v2"}
    assert {str(info) for info in told} == {f"{FACTS} in 3590 s."}
    assert isinstance(told[0].error, errors.RateLimitError)
    assert [record.getMessage() for record in caplog.records] == [f"{FACTS} at 11:30:30, in 3600 s."]
    assert len(transport.requests) == 4


def test_the_next_pause_is_logged_again(caplog: pytest.LogCaptureFixture) -> None:
    """A pause ends at the moment that was logged. One of a few seconds, after which one request comes back, is not."""
    clock, pauses = FakeClock(), Pauses()

    for passed, resets_in in ((0, 60), (30, 45), (31, 5), (5, 450)):
        clock.time += passed
        pauses.note(BudgetPause(0, 8, resets_in), clock)

    assert [record.getMessage().rpartition(" in ")[2] for record in caplog.records] == ["60 s.", "450 s."]


def test_a_pause_may_end_at_any_time() -> None:
    """A server may send any number; a moment after the next day has no time of day."""
    now = datetime(2025, 11, 3, 12, 0, tzinfo=timezone.utc)

    assert BudgetPause(0, 8, 1e12).describe(now).endswith("Requests are possible again in 1000000000000 s.")


def test_a_pause_names_what_others_have_and_what_is_kept() -> None:
    """The reader learns where the requests are."""
    words = BudgetPause(3, 1000, 60.0, 7).describe()

    assert words == (
        "The hourly budget of this key is nearly spent: 3 of 1000 requests are left, and they are kept for creates and "
        "more important reads; other processes have leased 7 more. Requests are possible again in 60 s."
    )
