"""The rate-limit headers are read, and give the pace of requests."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest

from bluma_async._wire.budget import read_rate_limit

HEADERS = {"x-ratelimit-limit": "1000", "x-ratelimit-remaining": "900", "x-ratelimit-reset": "1762169400"}
DATE = {"date": "Mon, 03 Nov 2025 10:30:00 GMT"}


def test_the_documented_headers_are_read() -> None:
    """Reference 2.5: limit, remaining, and the reset by the server's clock."""
    budget = read_rate_limit({**HEADERS, **DATE})

    assert budget is not None
    assert (budget.limit, budget.remaining) == (1000, 900)
    assert budget.reset_at == datetime(2025, 11, 3, 11, 30, tzinfo=timezone.utc)
    assert budget.reset_after == 3600
    assert budget.interval() == 4.0


def test_an_empty_budget_lasts_until_the_reset() -> None:
    """With nothing left, the interval is the time until the reset."""
    budget = read_rate_limit({**HEADERS, **DATE, "x-ratelimit-remaining": "0"})

    assert budget is not None
    assert budget.interval() == 3600


@pytest.mark.parametrize(
    ("changes", "reset_after"),
    [
        ({"date": ""}, None),
        ({"x-ratelimit-reset": "soon"}, None),
        ({"x-ratelimit-reset": "1"}, 0.0),
        ({"x-ratelimit-reset": "9" * 15}, None),
    ],
)
def test_a_reset_that_cannot_be_known_is_none(changes: Any, reset_after: Any) -> None:
    """Without a valid date or reset, there is no interval."""
    budget = read_rate_limit({**HEADERS, **DATE, **changes})

    assert budget is not None
    assert budget.reset_after == reset_after
    assert budget.interval() == 0.0


@pytest.mark.parametrize(
    "changes", [{"x-ratelimit-limit": ""}, {"x-ratelimit-remaining": "-1"}, {"x-ratelimit-remaining": "٣"}]
)
def test_headers_that_are_not_numbers_are_ignored(changes: Any) -> None:
    """A header with anything but ASCII digits is ignored."""
    assert read_rate_limit({**HEADERS, **changes}) is None
    assert read_rate_limit({}) is None
