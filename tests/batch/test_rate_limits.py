"""429 answers to the creates of a batch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bluma_async import AsyncBluma
from bluma_async.batch.job_creator import compute_pause
from tests.batch.helpers import make_rows, run_all
from tests.fakes import VIDEO, FakeClock, FakeTransport, answer, problem


async def test_retry_after_zero_is_no_invitation(tmp_path: Path) -> None:
    """A server that answers 429 with `Retry-After: 0` gets a create after 1, 2, 4 ... 60 s, not thousands a second."""
    clock, refusals = FakeClock(), 8
    made = answer(202, {**VIDEO, "template_id": "ugc-text-overlay"})

    def serve(request: Any) -> Any:
        nonlocal refusals
        if request.method == "POST":
            refusals -= 1
            return problem(429, metadata={"retry_after": 0}) if refusals >= 0 else made
        if "/templates/" in request.url:
            return answer(200, {"id": "ugc-text-overlay"})
        return answer(200, VIDEO) if "batch_1" in request.url else answer(200, {"videos": [], "pagination": {}})

    transport = FakeTransport(serve, clock=clock)
    async with AsyncBluma("bluma_test_key", transport=transport, clock=clock) as client:
        [result] = await run_all(client.batch(tmp_path / "journal"), make_rows(1))

    assert (result.state, clock.slept[:8]) == ("rendered", [1, 2, 4, 8, 16, 32, 60, 60])


@pytest.mark.parametrize(
    ("asked", "refusals", "expected"),
    [(None, 0, 60), (0.0, 0, 1), (0.5, 3, 8), (1800.0, 0, 1800), (0.0, 10_000, 60)],
)
def test_the_pause_is_the_longer_of_both(asked: Any, refusals: int, expected: float) -> None:
    """Retry-After may ask for more than the backoff, never for less."""
    assert compute_pause(asked, refusals) == expected
