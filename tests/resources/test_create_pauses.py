"""How long a create waits: Retry-After, the backoff, the settle time, and a deadline."""

from __future__ import annotations

import asyncio
from typing import Any, List

import pytest

from bluma_async import AsyncBluma, errors
from tests.fakes import answer, client_with, list_videos, problem

PROMPT = {"prompt": "p"}
CUT = errors.NetworkError("cut")
QUIET = list_videos()


def accepted(video_id: str = "batch_new") -> Any:
    """Return the answer to an accepted create."""
    return answer(202, {"id": video_id, "status": "queued", "template_id": "t"})


async def test_a_retry_after_of_zero_does_not_shorten_the_backoff() -> None:
    """A 429 that asks for no pause is retried after 1, 2 and 4 s, and then raised."""
    client, transport, clock = client_with(
        answer(429, {"error": {"type": "rate_limit", "detail": "Slow down."}}, {"Retry-After": "0"}), max_retry_after=60
    )

    with pytest.raises(errors.RateLimitError):
        await client.videos.create(PROMPT, "t")

    assert clock.slept == [1, 2, 4]
    assert transport.sent == ["POST /videos"] * 4


async def test_a_longer_pause_of_the_server_is_kept() -> None:
    """A refusal that asks for 20 s is retried after them, an uncertain 503 of a proxy after proof as well."""
    refused, _, early = client_with(
        answer(503, {"error": {"detail": "x"}}, {"Retry-After": "20"}), accepted(), max_retry_after=60
    )
    doubtful, _, late = client_with(
        answer(503, b"", {"Retry-After": "40"}), QUIET, QUIET, accepted("later"), max_retry_after=60
    )

    await refused.videos.create(PROMPT, "t")
    await doubtful.videos.create(PROMPT, "t")

    assert early.slept == [20]
    assert sum(late.slept) == 40


@pytest.mark.parametrize(("deadline", "slept"), [(0.5, []), (10.0, [1]), (30.0, [1])])
async def test_a_deadline_that_leaves_no_time_for_proof(deadline: float, slept: List[float]) -> None:
    """The call ends in doubt before its deadline; it is not sent again, and not reported as refused."""
    client, transport, clock = client_with(CUT, QUIET, deadline=deadline)

    with pytest.raises(errors.AmbiguousCreateError, match="deadline leaves no time"):
        await client.videos.create(PROMPT, "t")

    assert transport.sent.count("POST /videos") == 1
    assert clock.slept == slept


async def test_a_deadline_that_leaves_time_for_proof() -> None:
    """A deadline after `settle_time` has the create resent, within the deadline."""
    client, transport, clock = client_with(CUT, QUIET, QUIET, accepted(), deadline=31.0)

    await client.videos.create(PROMPT, "t")

    assert (transport.sent.count("POST /videos"), clock.slept) == (2, [1, 29])


async def test_waiting_for_other_creates_ends_at_the_deadline() -> None:
    """A create beside this one that gets no answer holds it up no longer than its own deadline."""
    found = list_videos(("batch_any", "2025-11-03T10:30:30Z"))
    silent = asyncio.Event()
    client, _, clock = client_with(lambda _: silent.wait(), CUT, found)
    rival = asyncio.ensure_future(client.videos.create(PROMPT, "t"))
    await asyncio.sleep(0)

    with pytest.raises(errors.AmbiguousCreateError) as caught:
        await client.with_options(deadline=20).videos.create(PROMPT, "t")

    assert [video.id for video in caught.value.candidates] == ["batch_any"]
    assert clock.time == pytest.approx(1020, abs=0.1)
    rival.cancel()
    await asyncio.gather(rival, return_exceptions=True)


async def test_should_retry_cannot_skip_the_proof() -> None:
    """`should_retry` decides about resending alone: True resends after the search, False raises after it."""
    eager, sent, clock = client_with(CUT, QUIET, QUIET, accepted(), should_retry=lambda *_: True, max_retries=0)
    lazy, once, _ = client_with(problem(500, type="internal_error"), QUIET, QUIET, should_retry=lambda *_: False)

    await eager.videos.create(PROMPT, "t")
    with pytest.raises(errors.ServerError) as caught:
        await lazy.videos.create(PROMPT, "t")

    assert (sent.sent.count("POST /videos"), clock.slept) == (2, [1, 29])
    assert once.sent.count("POST /videos") == 1
    assert caught.value.type == "internal_error"


@pytest.mark.parametrize("value", [-1, -0.1, float("nan"), float("inf"), "30", True])
def test_an_invalid_settle_time(value: Any) -> None:
    """`settle_time` is a finite number of seconds of at least 0."""
    with pytest.raises(errors.InvalidArgumentError, match="settle_time"):
        AsyncBluma("bluma_test_key", settle_time=value)
    with pytest.raises(errors.InvalidArgumentError, match="settle_time"):
        AsyncBluma("bluma_test_key").with_options(settle_time=value)
