"""The retry loop: attempts, pauses and the deadline, with a fake clock and a fake transport."""

from __future__ import annotations

from typing import Any, List

import pytest

from bluma_async import errors
from tests.fakes import VIDEO, FakeClock, answer, client_with, problem

OK = answer(200, VIDEO)


async def test_retries_sleep_one_two_four_seconds() -> None:
    """Item 105: four requests, three pauses, then the error."""
    client, transport, clock = client_with(problem(500))

    with pytest.raises(errors.ServerError) as caught:
        await client.videos.get("batch_1")

    assert clock.slept == [1, 2, 4]
    assert len(transport.requests) == 4
    assert caught.value.attempts == 4


@pytest.mark.parametrize(
    "failure", [problem(500), problem(503), errors.NetworkError("cut"), errors.RequestTimeoutError("late")]
)
async def test_a_retry_that_succeeds_returns(failure: Any) -> None:
    """Item 112: the caller gets the result, and no error."""
    client, transport, clock = client_with(failure, OK)

    assert (await client.videos.get("batch_1")).id == "batch_1"
    assert (clock.slept, len(transport.requests)) == ([1], 2)


@pytest.mark.parametrize(("date", "slept", "attempts"), [("11:30:30", [], 1), ("10:31:00", [30.0], 2)])
async def test_a_date_without_the_servers_clock_is_read_by_ours(date: str, slept: Any, attempts: int) -> None:
    """A Retry-After that is a date is obeyed also if the answer has no Date header; the clock says 10:30:30."""
    busy = answer(429, problem(429).body, {"Retry-After": f"Mon, 03 Nov 2025 {date} GMT"})
    client, transport, clock = client_with(busy, OK, clock=FakeClock(), max_retry_after=60)

    try:
        await client.videos.get("batch_1")
    except errors.RateLimitError as error:
        assert error.retry_after == 3600

    assert (clock.slept, len(transport.requests)) == (slept, attempts)


GONE = problem(404)


@pytest.mark.parametrize("lost", [problem(500), answer(502, b"<html>"), errors.NetworkError("cut")])
async def test_a_delete_whose_answer_was_lost_has_deleted(lost: Any) -> None:
    """The 404 of the second attempt is what the first one has done."""
    client, transport, _ = client_with(lost, GONE)

    await client.webhooks.delete("w")

    assert transport.sent == ["DELETE /webhooks/w", "DELETE /webhooks/w"]


@pytest.mark.parametrize(
    "before",
    [[], [problem(503)], [errors.NetworkError("refused", request_sent=False)]],
    ids=["the first attempt", "after a refusal", "without a connection"],
)
async def test_a_delete_of_something_unknown_is_refused(before: Any) -> None:
    """If no earlier attempt can have deleted it, it was not there."""
    client, _, _ = client_with(*before, GONE)

    with pytest.raises(errors.NotFoundError):
        await client.webhooks.delete("w")


async def test_a_page_of_a_proxy_is_no_proof_of_a_delete() -> None:
    """A 404 that is not the API's own says nothing about the object."""
    client, _, _ = client_with(problem(500), answer(404, b"<html>"))

    with pytest.raises(errors.NotFoundError):
        await client.webhooks.delete("w")


@pytest.mark.parametrize("status", [302, 400, 401, 402, 403, 404, 409, 429])
async def test_refusals_are_not_retried(status: int) -> None:
    """Item 107: one request, and the error."""
    client, transport, clock = client_with(problem(status))

    with pytest.raises(errors.APIError) as caught:
        await client.videos.get("batch_1")

    assert (clock.slept, len(transport.requests), caught.value.attempts) == ([], 1, 1)


async def test_no_retries_means_one_attempt() -> None:
    """Item 108: `max_retries=0` sends once."""
    client, transport, clock = client_with(problem(500), max_retries=0)

    with pytest.raises(errors.ServerError):
        await client.videos.get("batch_1")

    assert (clock.slept, len(transport.requests)) == ([], 1)


async def test_should_retry_alone_decides() -> None:
    """Item 109: the sample's function retries rate limits five times, past `max_retries`."""
    seen: List[Any] = []

    def should_retry(error: Exception, attempt: int) -> bool:
        seen.append((type(error).__name__, attempt))
        return isinstance(error, errors.RateLimitError) and attempt < 5

    client, transport, clock = client_with(problem(429), should_retry=should_retry)

    with pytest.raises(errors.RateLimitError):
        await client.videos.get("batch_1")

    assert seen == [("RateLimitError", attempt) for attempt in range(6)]
    assert clock.slept == [1, 2, 4, 8, 16]
    assert len(transport.requests) == 6


async def test_the_delay_function_replaces_the_pauses() -> None:
    """Items 110 and 111: the sample's delays are 1, 2, 4, 8, 10, also when the functions are async."""

    async def should_retry(error: Exception, attempt: int) -> bool:
        return attempt < 5

    async def delay(attempt: int) -> float:
        return min(1.0 * (2**attempt), 10.0)

    client, _, clock = client_with(problem(500), should_retry=should_retry, calculate_retry_delay=delay)

    with pytest.raises(errors.ServerError):
        await client.videos.get("batch_1")

    assert clock.slept == [1, 2, 4, 8, 10]


async def test_the_delay_function_works_alone() -> None:
    """Item 111: `max_retries` still counts, and a negative delay means no pause."""
    client, _, clock = client_with(problem(500), calculate_retry_delay=lambda attempt: attempt - 1)

    with pytest.raises(errors.ServerError):
        await client.videos.get("batch_1")

    assert clock.slept == [0, 0, 1]


@pytest.mark.parametrize("delay", [None, "soon", float("nan"), float("inf"), pytest.param(10**400, id="large"), [1]])
async def test_a_delay_that_is_no_number_ends_the_call(delay: Any) -> None:
    """The error names the option and the value; the call is not retried."""
    client, transport, clock = client_with(problem(500), calculate_retry_delay=lambda _: delay)

    with pytest.raises(errors.BlumaError, match="calculate_retry_delay must return a number of seconds, not") as caught:
        await client.videos.get("batch_1")

    assert type(caught.value) is errors.BlumaError
    assert (len(transport.requests), clock.slept) == (1, [])


async def test_an_exception_of_a_callback_ends_the_call() -> None:
    """The caller gets the user's exception unchanged."""

    def should_retry(error: Exception, attempt: int) -> bool:
        raise LookupError("mine")

    client, transport, _ = client_with(problem(500), should_retry=should_retry)

    with pytest.raises(LookupError, match="mine"):
        await client.videos.get("batch_1")
    assert len(transport.requests) == 1


async def test_a_short_retry_after_is_obeyed_when_opted_in() -> None:
    """Conflict C-5: with `max_retry_after`, a short pause is slept exactly; a longer one is raised at once."""
    short = answer(429, b"{}", {"Retry-After": "30"})
    client, _, clock = client_with(short, OK, max_retry_after=60)

    await client.videos.get("batch_1")

    assert clock.slept == [30]
    client, _, clock = client_with(answer(429, b"{}", {"Retry-After": "3600"}), max_retry_after=60)
    with pytest.raises(errors.RateLimitError) as caught:
        await client.videos.get("batch_1")
    assert (clock.slept, caught.value.retry_after) == ([], 3600)


async def test_the_deadline_bounds_attempts_and_pauses() -> None:
    """Each attempt gets the time that is left, and a pause that would reach the deadline does not begin."""
    clock = FakeClock()
    client, transport, _ = client_with(problem(500), clock=clock, takes=2.0, deadline=10.0)

    with pytest.raises(errors.ServerError):
        await client.videos.get("batch_1")

    assert transport.patience == [10.0, 7.0, 3.0]
    assert clock.slept == [1, 2]
    assert transport.timeouts == [30.0] * 3
