"""Sending calls: headers, copies with other options, closing, and masked keys, with a fake transport."""

from __future__ import annotations

from typing import Any

import pytest

from bluma_async import errors
from bluma_async._wire.messages import Request
from tests.fakes import VIDEO, FakeClock, answer, client_with, problem

OK = answer(200, VIDEO)


async def test_no_time_left_means_nothing_is_sent() -> None:
    """If a hook uses up the deadline, nothing is sent."""
    clock = FakeClock()

    def use_up(_: Any) -> None:
        clock.time += 10

    client, transport, _ = client_with(OK, clock=clock, deadline=5.0, on_request=use_up)

    with pytest.raises(errors.RequestTimeoutError, match="no time is left") as caught:
        await client.videos.get("batch_1")

    assert transport.requests == []
    assert not caught.value.request_sent


async def test_every_change_carries_one_key_for_all_attempts() -> None:
    """Idempotency-Key is the same in all attempts of a call, another one in the next call, and absent on reads."""
    client, transport, _ = client_with(problem(500), answer(201, {"id": "c"}), answer(201, {"id": "c"}), OK)

    await client.collections.create("x")
    await client.collections.create("x")
    await client.videos.get("batch_1")

    keys = [request.headers.get("Idempotency-Key") for request in transport.requests]
    assert keys[0] == keys[1] != keys[2]
    assert keys[3] is None


async def test_headers_are_the_documented_ones() -> None:
    """Items 11 to 13: the key, JSON, and the caller's own headers in place of the SDK's."""
    own = {"user-agent": "MyApp/1.0", "X-Custom-Header": "value", "content-type": "application/json"}
    client, transport, _ = client_with(answer(201, {"id": "c"}), default_headers=own)
    usual, plain, _ = client_with(OK)

    await client.collections.create("x")
    await usual.videos.get("batch_1")

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
        await quick.videos.get("batch_1")

    assert (clock.slept, transport.timeouts) == ([1], [5, 5])
    assert client._session.options.timeout == 30
    await client.aclose()
    with pytest.raises(errors.BlumaError, match="closed"):
        await quick.videos.get("batch_1")


@pytest.mark.parametrize("changes", [{"tiemout": 5}, {"timeout": -1}, {"max_retries": 1.5}, {"proxy": "x"}])
async def test_invalid_options_are_refused(changes: Any) -> None:
    """The error for a typo or an invalid value names the option."""
    client, _, _ = client_with(OK)

    with pytest.raises(errors.InvalidArgumentError, match=next(iter(changes))):
        client.with_options(**changes)


async def test_an_echoed_key_is_masked_in_errors() -> None:
    """Item 104: no error contains the key, even if the server sends it back."""

    def echo(request: Request) -> Any:
        return problem(400, detail=f"bad header {request.headers['Authorization']}", metadata={"key": "bluma_test_key"})

    def echo_in_success(request: Request) -> Any:
        return answer(200, f"<pre>{request.headers}</pre>".encode())

    client, _, _ = client_with(echo)
    garbled, _, _ = client_with(echo_in_success, max_retries=0)

    with pytest.raises(errors.ValidationError) as caught:
        await client.videos.get("batch_1")
    with pytest.raises(errors.ServerError) as unreadable:
        await garbled.videos.get("batch_1")

    assert "bluma_test_key" not in repr(caught.value.__dict__) + repr(unreadable.value.__dict__)
    assert "Bearer ***" in str(caught.value)
    assert unreadable.value.__cause__ is None


async def test_a_closed_client_refuses_calls() -> None:
    """A call after closing raises a clear error; closing again does nothing."""
    client, transport, _ = client_with(OK)
    async with client as same:
        assert same is client
        await client.videos.get("batch_1")

    await client.aclose()

    assert transport.is_closed
    with pytest.raises(errors.BlumaError, match="This client is closed"):
        await client.videos.get("batch_1")
    assert len(transport.requests) == 1
