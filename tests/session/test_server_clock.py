"""The server's time, from Date headers and our monotonic clock."""

from __future__ import annotations

from bluma_async._session.server_clock import ServerClock

DATE = {"date": "Mon, 03 Nov 2025 10:30:30 GMT"}


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
