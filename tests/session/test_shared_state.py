"""The parts of the state that copies of a client share: connections, the server's clock, budgets."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any, List

import pytest

from bluma_async import errors
from bluma_async._session.budgets import MAX_KEYS, Budgets
from bluma_async._session.connections import Connections
from bluma_async._session.server_clock import ServerClock
from tests.fakes import VIDEO, FakeTransport, answer, client_with

DATE = {"date": "Mon, 03 Nov 2025 10:30:30 GMT"}
BUDGET = {"x-ratelimit-limit": "10", "x-ratelimit-remaining": "3"}


def test_the_transport_is_opened_once() -> None:
    """Eight threads that all find no transport, and each make one, get the same one in the end."""
    opening = threading.Barrier(8)

    def open_transport() -> Any:
        opening.wait()
        return FakeTransport()

    connections = Connections(open_transport)
    with ThreadPoolExecutor(8) as pool:
        found = [future.result() for future in [pool.submit(connections.get) for _ in range(8)]]

    assert len(set(map(id, found))) == 1


async def test_closed_connections_are_not_opened_again() -> None:
    """Closing before the first call opens nothing, and a later call is refused."""
    opened: List[FakeTransport] = []
    connections = Connections(lambda: opened.append(FakeTransport()) or opened[-1])  # type: ignore[func-returns-value]

    await connections.close()

    with pytest.raises(errors.BlumaError, match="closed"):
        connections.get()
    assert opened == []


def test_the_servers_clock_advances_with_ours() -> None:
    """The server's time at a moment is the newest Date header plus the time that has passed on our clock."""
    clock = ServerClock()
    before = (clock.is_known, clock.at(5.0), clock.age(5.0))

    clock.update(DATE, 100.0)
    clock.update({}, 200.0)

    assert before == (False, None, 0.0)
    assert (clock.is_known, clock.age(130.0)) == (True, 30.0)
    assert str(clock.at(130.0)) == "2025-11-03 10:31:00+00:00"
    assert str(clock.at(90.0)) == "2025-11-03 10:30:20+00:00"


def test_an_invalid_date_is_no_time() -> None:
    """A Date header that cannot be parsed leaves the server's time unknown."""
    clock = ServerClock()

    clock.update({"date": "yesterday"}, 1.0)

    assert clock.at(1.0) is None


def test_budgets_are_bounded() -> None:
    """The newest answer of each key counts; only the newest thousand keys are kept."""
    budgets = Budgets()

    for number in range(MAX_KEYS + 1):
        budgets.update(f"key {number}", BUDGET)
    budgets.update("key 2", {**BUDGET, "x-ratelimit-remaining": "2"})
    budgets.update("key 2", {})

    newest = budgets.get("key 2")
    assert (budgets.get("key 0"), budgets.get("unknown")) == (None, None)
    assert newest is not None
    assert newest.remaining == 2


async def test_each_key_has_its_own_budget() -> None:
    """A copy with another key does not see the budget of the first key."""
    client, _, _ = client_with(answer(200, VIDEO, BUDGET))

    await client.videos.get("a")

    assert client.with_options(api_key="bluma_test_other").rate_limit is None
    assert client.with_options(timeout=5).rate_limit is not None
