"""Sending calls: retries, deadlines, headers and hooks, with a fake clock and a fake transport."""

from __future__ import annotations

from typing import Any, List

import pytest

from bluma_async import RetryInfo, errors
from bluma_async._wire.messages import Request
from tests.fakes import VIDEO, FakeClock, answer, client_with, problem

OK = answer(200, VIDEO)


async def test_retries_sleep_one_two_four_seconds() -> None:
    """Item 105: four requests, three pauses, then the error."""
    client, transport, clock = client_with(problem(500))

    with pytest.raises(errors.ServerError) as caught:
        await client.videos.get("a")

    assert clock.slept == [1, 2, 4]
    assert len(transport.requests) == 4
    assert caught.value.attempts == 4


@pytest.mark.parametrize(
    "failure", [problem(500), problem(503), errors.NetworkError("cut"), errors.RequestTimeoutError("late")]
)
async def test_a_retry_that_succeeds_returns(failure: Any) -> None:
    """Item 112: the caller gets the result, and no error."""
    client, transport, clock = client_with(failure, OK)

    assert (await client.videos.get("a")).id == "batch_1"
    assert (clock.slept, len(transport.requests)) == ([1], 2)


@pytest.mark.parametrize("status", [302, 400, 401, 402, 403, 404, 409, 429])
async def test_refusals_are_not_retried(status: int) -> None:
    """Item 107: one request, and the error."""
    client, transport, clock = client_with(problem(status))

    with pytest.raises(errors.APIError) as caught:
        await client.videos.get("a")

    assert (clock.slept, len(transport.requests), caught.value.attempts) == ([], 1, 1)


async def test_no_retries_means_one_attempt() -> None:
    """Item 108: `max_retries=0` sends once."""
    client, transport, clock = client_with(problem(500), max_retries=0)

    with pytest.raises(errors.ServerError):
        await client.videos.get("a")

    assert (clock.slept, len(transport.requests)) == ([], 1)


async def test_should_retry_alone_decides() -> None:
    """Item 109: the sample's function retries rate limits five times, past `max_retries`."""
    seen: List[Any] = []

    def should_retry(error: Exception, attempt: int) -> bool:
        seen.append((type(error).__name__, attempt))
        return isinstance(error, errors.RateLimitError) and attempt < 5

    client, transport, clock = client_with(problem(429), should_retry=should_retry)

    with pytest.raises(errors.RateLimitError):
        await client.videos.get("a")

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
        await client.videos.get("a")

    assert clock.slept == [1, 2, 4, 8, 10]


async def test_the_delay_function_works_alone() -> None:
    """Item 111: `max_retries` still counts, and a negative delay means no pause."""
    client, _, clock = client_with(problem(500), calculate_retry_delay=lambda attempt: attempt - 1)

    with pytest.raises(errors.ServerError):
        await client.videos.get("a")

    assert clock.slept == [0, 0, 1]


async def test_an_exception_of_a_callback_ends_the_call() -> None:
    """The caller gets the user's exception unchanged."""

    def should_retry(error: Exception, attempt: int) -> bool:
        raise LookupError("mine")

    client, transport, _ = client_with(problem(500), should_retry=should_retry)

    with pytest.raises(LookupError, match="mine"):
        await client.videos.get("a")
    assert len(transport.requests) == 1


@pytest.mark.parametrize("hook", ["on_request", "on_response"])
async def test_an_exception_of_a_hook_ends_the_call(hook: str) -> None:
    """An SDK error that a hook raises is the hook's own: the caller gets it, and there is no retry."""

    def raising(_: Any) -> None:
        raise errors.NetworkError("mine")

    client, transport, clock = client_with(OK, **{hook: raising})

    with pytest.raises(errors.NetworkError, match="mine"):
        await client.videos.get("a")
    assert (len(transport.requests), clock.slept) == (int(hook == "on_response"), [])


async def test_a_short_retry_after_is_obeyed_when_opted_in() -> None:
    """Conflict C-5: with `max_retry_after`, a short pause is slept exactly; a longer one is raised at once."""
    short = answer(429, b"{}", {"Retry-After": "30"})
    client, _, clock = client_with(short, OK, max_retry_after=60)

    await client.videos.get("a")

    assert clock.slept == [30]
    client, _, clock = client_with(answer(429, b"{}", {"Retry-After": "3600"}), max_retry_after=60)
    with pytest.raises(errors.RateLimitError) as caught:
        await client.videos.get("a")
    assert (clock.slept, caught.value.retry_after) == ([], 3600)


async def test_the_deadline_bounds_attempts_and_pauses() -> None:
    """Each attempt gets the time that is left, and a pause that would reach the deadline does not begin."""
    clock = FakeClock()
    client, transport, _ = client_with(problem(500), clock=clock, takes=2.0, deadline=10.0)

    with pytest.raises(errors.ServerError):
        await client.videos.get("a")

    assert transport.patience == [10.0, 7.0, 3.0]
    assert clock.slept == [1, 2]
    assert transport.timeouts == [30.0] * 3


async def test_no_time_left_means_nothing_is_sent() -> None:
    """If a hook uses up the deadline, nothing is sent."""
    clock = FakeClock()

    def use_up(_: Any) -> None:
        clock.time += 10

    client, transport, _ = client_with(OK, clock=clock, deadline=5.0, on_request=use_up)

    with pytest.raises(errors.RequestTimeoutError, match="no time is left") as caught:
        await client.videos.get("a")

    assert transport.requests == []
    assert not caught.value.request_sent


async def test_every_change_carries_one_key_for_all_attempts() -> None:
    """Idempotency-Key is the same in all attempts of a call, another one in the next call, and absent on reads."""
    client, transport, _ = client_with(problem(500), answer(201, {"id": "c"}), answer(201, {"id": "c"}), OK)

    await client.collections.create("x")
    await client.collections.create("x")
    await client.videos.get("a")

    keys = [request.headers.get("Idempotency-Key") for request in transport.requests]
    assert keys[0] == keys[1] != keys[2]
    assert keys[3] is None


async def test_headers_are_the_documented_ones() -> None:
    """Items 11 to 13: the key, JSON, and the caller's own headers in place of the SDK's."""
    own = {"user-agent": "MyApp/1.0", "X-Custom-Header": "value", "content-type": "application/json"}
    client, transport, _ = client_with(answer(201, {"id": "c"}), default_headers=own)
    usual, plain, _ = client_with(OK)

    await client.collections.create("x")
    await usual.videos.get("a")

    sent, read = transport.requests[0].headers, plain.requests[0].headers
    assert sent["Authorization"] == "Bearer bluma_test_key"
    assert {name: sent[name] for name in ("User-Agent", "X-Custom-Header", "Content-Type")} == {
        "User-Agent": "MyApp/1.0",
        "X-Custom-Header": "value",
        "Content-Type": "application/json",
    }
    assert len({name.lower() for name in sent}) == len(sent)
    assert read["User-Agent"].startswith("bluma-python/2.")
    assert "Content-Type" not in read


async def test_with_options_is_a_copy_over_the_same_connections() -> None:
    """The copy has its own settings, the client keeps its own, and closing one closes both."""
    client, transport, clock = client_with(problem(500))
    quick = client.with_options(timeout=5, max_retries=1)

    with pytest.raises(errors.ServerError):
        await quick.videos.get("a")

    assert (clock.slept, transport.timeouts) == ([1], [5, 5])
    assert client._session.options.timeout == 30
    await client.aclose()
    with pytest.raises(errors.BlumaError, match="closed"):
        await quick.videos.get("a")


@pytest.mark.parametrize("changes", [{"tiemout": 5}, {"timeout": -1}, {"max_retries": 1.5}, {"proxy": "x"}])
async def test_invalid_options_are_refused(changes: Any) -> None:
    """The error for a typo or an invalid value names the option."""
    client, _, _ = client_with(OK)

    with pytest.raises(errors.InvalidArgumentError, match=next(iter(changes))):
        client.with_options(**changes)


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

    await client.videos.get("a")

    assert reports[:2] == [("request", "GET", 0), ("response", 500, 0, None)]
    assert isinstance(reports[2], RetryInfo)
    assert (reports[2].delay, reports[2].attempt, reports[2].error.status) == (1, 0, 500)
    assert reports[3:] == [("request", "GET", 1), ("response", 200, 1, 3)]
    assert client.rate_limit is not None
    assert client.rate_limit.remaining == 3


async def test_an_echoed_key_is_masked_in_errors() -> None:
    """Item 104: no error contains the key, even if the server sends it back."""

    def echo(request: Request) -> Any:
        return problem(400, detail=f"bad header {request.headers['Authorization']}", metadata={"key": "bluma_test_key"})

    def echo_in_success(request: Request) -> Any:
        return answer(200, f"<pre>{request.headers}</pre>".encode())

    client, _, _ = client_with(echo)
    garbled, _, _ = client_with(echo_in_success, max_retries=0)

    with pytest.raises(errors.ValidationError) as caught:
        await client.videos.get("a")
    with pytest.raises(errors.ServerError) as unreadable:
        await garbled.videos.get("a")

    assert "bluma_test_key" not in repr(caught.value.__dict__) + repr(unreadable.value.__dict__)
    assert "Bearer ***" in str(caught.value)
    assert unreadable.value.__cause__ is None


async def test_a_closed_client_refuses_calls() -> None:
    """A call after closing raises a clear error; closing again does nothing."""
    client, transport, _ = client_with(OK)
    async with client as same:
        assert same is client
        await client.videos.get("a")

    await client.aclose()

    assert transport.is_closed
    with pytest.raises(errors.BlumaError, match="This client is closed"):
        await client.videos.get("a")
    assert len(transport.requests) == 1
