"""The one retry loop, over fakes: no time passes and nothing is sent."""

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
    """Item 112: the caller never hears of a failure that passed."""
    client, transport, clock = client_with(failure, OK)

    assert (await client.videos.get("a")).id == "batch_1"
    assert (clock.slept, len(transport.requests)) == ([1], 2)


@pytest.mark.parametrize("status", [302, 400, 401, 402, 403, 404, 409, 429])
async def test_refusals_are_not_repeated(status: int) -> None:
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
    """Item 109: the sample's function repeats rate limits five times, past `max_retries`."""
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
    """Item 111: `max_retries` still counts, and a negative delay is none."""
    client, _, clock = client_with(problem(500), calculate_retry_delay=lambda attempt: attempt - 1)

    with pytest.raises(errors.ServerError):
        await client.videos.get("a")

    assert clock.slept == [0, 0, 1]


async def test_what_a_callback_raises_ends_the_call() -> None:
    """The user's exception comes out as it is."""

    def should_retry(error: Exception, attempt: int) -> bool:
        raise LookupError("mine")

    client, transport, _ = client_with(problem(500), should_retry=should_retry)

    with pytest.raises(LookupError, match="mine"):
        await client.videos.get("a")
    assert len(transport.requests) == 1


@pytest.mark.parametrize("hook", ["on_request", "on_response"])
async def test_what_a_hook_raises_ends_the_call_whatever_it_is(hook: str) -> None:
    """An error of ours that a hook raises is the hook's own: it comes out, and nothing is repeated."""

    def raising(_: Any) -> None:
        raise errors.NetworkError("mine")

    client, transport, clock = client_with(OK, **{hook: raising})

    with pytest.raises(errors.NetworkError, match="mine"):
        await client.videos.get("a")
    assert (len(transport.requests), clock.slept) == (int(hook == "on_response"), [])


async def test_a_bearable_rate_limit_is_waited_for_when_opted_in() -> None:
    """Conflict C-5: `max_retry_after` sleeps exactly what is asked; a longer one is raised at once."""
    bearable = answer(429, b"{}", {"Retry-After": "30"})
    client, _, clock = client_with(bearable, OK, max_retry_after=60)

    await client.videos.get("a")

    assert clock.slept == [30]
    client, _, clock = client_with(answer(429, b"{}", {"Retry-After": "3600"}), max_retry_after=60)
    with pytest.raises(errors.RateLimitError) as caught:
        await client.videos.get("a")
    assert (clock.slept, caught.value.retry_after) == ([], 3600)


async def test_the_deadline_bounds_attempts_and_pauses() -> None:
    """Each attempt gets what is left, and a pause that would reach the deadline is not begun."""
    clock = FakeClock()
    client, transport, _ = client_with(problem(500), clock=clock, takes=2.0, deadline=10.0)

    with pytest.raises(errors.ServerError):
        await client.videos.get("a")

    assert transport.patience == [10.0, 7.0, 3.0]
    assert clock.slept == [1, 2]
    assert transport.timeouts == [30.0] * 3


async def test_no_time_left_means_nothing_is_sent() -> None:
    """A hook that eats the deadline leaves nothing to send with."""
    clock = FakeClock()

    def eat(_: Any) -> None:
        clock.time += 10

    client, transport, _ = client_with(OK, clock=clock, deadline=5.0, on_request=eat)

    with pytest.raises(errors.RequestTimeoutError, match="no time is left") as caught:
        await client.videos.get("a")

    assert transport.requests == []
    assert not caught.value.request_sent


async def test_every_change_carries_one_key_for_all_attempts() -> None:
    """Idempotency-Key: the same in all attempts of a call, another in the next, none on reads."""
    client, transport, _ = client_with(problem(500), answer(201, {"id": "c"}), answer(201, {"id": "c"}), OK)

    await client.collections.create("x")
    await client.collections.create("x")
    await client.videos.get("a")

    keys = [request.headers.get("Idempotency-Key") for request in transport.requests]
    assert keys[0] == keys[1] != keys[2]
    assert keys[3] is None


async def test_headers_are_the_documented_ones() -> None:
    """Items 11 to 13: the key, JSON, and the caller's own headers in the place of ours."""
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
    """One call gets its own settings; the client keeps its own."""
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
async def test_options_that_cannot_be_are_refused(changes: Any) -> None:
    """A typo or an impossible value says what there is."""
    client, _, _ = client_with(OK)

    with pytest.raises(errors.InvalidArgumentError, match=next(iter(changes))):
        client.with_options(**changes)


async def test_hooks_hear_of_every_attempt() -> None:
    """Requests, answers and retries are told, without headers or bodies."""
    told: List[Any] = []

    async def on_response(info: Any) -> None:
        told.append(("response", info.status, info.attempt, info.rate_limit and info.rate_limit.remaining))

    limits = {"X-RateLimit-Limit": "10", "X-RateLimit-Remaining": "3"}
    client, _, _ = client_with(
        problem(500),
        answer(200, VIDEO, limits),
        on_request=lambda info: told.append(("request", info.method, info.attempt)),
        on_response=on_response,
        on_retry=told.append,
    )

    await client.videos.get("a")

    assert told[:2] == [("request", "GET", 0), ("response", 500, 0, None)]
    assert isinstance(told[2], RetryInfo)
    assert (told[2].delay, told[2].attempt, told[2].error.status) == (1, 0, 500)
    assert told[3:] == [("request", "GET", 1), ("response", 200, 1, 3)]
    assert client.rate_limit is not None
    assert client.rate_limit.remaining == 3


async def test_a_server_that_echoes_the_key_does_not_get_it_into_errors() -> None:
    """Item 104: no error holds the key."""

    def echo(request: Request) -> Any:
        return problem(400, detail=f"bad header {request.headers['Authorization']}", metadata={"key": "bluma_test_key"})

    def echo_well(request: Request) -> Any:
        return answer(200, f"<pre>{request.headers}</pre>".encode())

    client, _, _ = client_with(echo)
    garbled, _, _ = client_with(echo_well, max_retries=0)

    with pytest.raises(errors.ValidationError) as caught:
        await client.videos.get("a")
    with pytest.raises(errors.ServerError) as unreadable:
        await garbled.videos.get("a")

    assert "bluma_test_key" not in repr(caught.value.__dict__) + repr(unreadable.value.__dict__)
    assert "Bearer ***" in str(caught.value)
    assert unreadable.value.__cause__ is None


async def test_a_closed_client_says_so() -> None:
    """Using a client after closing it is a clear error; closing again does nothing."""
    client, transport, _ = client_with(OK)
    async with client as same:
        assert same is client
        await client.videos.get("a")

    await client.aclose()

    assert transport.is_closed
    with pytest.raises(errors.BlumaError, match="This client is closed"):
        await client.videos.get("a")
    assert len(transport.requests) == 1
