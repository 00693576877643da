"""Hooks: called for every attempt, and their exceptions end the call."""

from __future__ import annotations

from typing import Any, List

import pytest

from bluma_async import RetryInfo, errors
from tests.fakes import VIDEO, answer, client_with, list_videos, problem

OK = answer(200, VIDEO)


@pytest.mark.parametrize("hook", ["on_request", "on_response"])
async def test_an_exception_of_a_hook_ends_the_call(hook: str) -> None:
    """An SDK error that a hook raises is the hook's own: the caller gets it, and there is no retry."""

    def raising(_: Any) -> None:
        raise errors.NetworkError("mine")

    client, transport, clock = client_with(OK, **{hook: raising})

    with pytest.raises(errors.NetworkError, match="mine"):
        await client.videos.get("batch_1")
    assert (len(transport.requests), clock.slept) == (int(hook == "on_response"), [])


async def test_hooks_are_called_for_every_attempt() -> None:
    """Requests, answers and retries are reported, without headers or bodies."""
    reports: List[Any] = []

    async def on_response(info: Any) -> None:
        reports.append(("response", info.status, info.attempt, info.rate_limit and info.rate_limit.remaining))

    limits = {"X-RateLimit-Limit": "10", "X-RateLimit-Remaining": "3"}
    client, _, _ = client_with(
        problem(500),
        answer(200, VIDEO, limits),
        on_request=lambda info: reports.append(("request", info.method, info.attempt)),
        on_response=on_response,
        on_retry=reports.append,
    )

    await client.videos.get("batch_1")

    assert reports[:2] == [("request", "GET", 0), ("response", 500, 0, None)]
    assert isinstance(reports[2], RetryInfo)
    assert (reports[2].delay, reports[2].attempt, reports[2].error.status) == (1, 0, 500)
    assert reports[3:] == [("request", "GET", 1), ("response", 200, 1, 3)]
    assert client.rate_limit is not None
    assert client.rate_limit.remaining == 3


async def test_the_pause_of_an_uncertain_create_includes_the_time_for_proof() -> None:
    """`on_retry` reports a search, and the 30 s after which it may be sent again, not the backoff of 1 s."""
    reports: List[RetryInfo] = []
    quiet, accepted = list_videos(), answer(202, VIDEO)
    client, _, clock = client_with(problem(500), quiet, quiet, accepted, on_retry=reports.append)

    await client.videos.create({"prompt": "p"}, "t")

    assert [info.delay for info in reports] == [sum(clock.slept)] == [30]
    assert [info.is_search for info in reports] == [True]
