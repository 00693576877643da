"""
Announce each attempt of a create to the other processes, just before it is sent.

Rule: the others count from the announcement. One that was made too long ago, because this process stood still since, is
made again; if the create was taken over meanwhile, nothing is sent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Awaitable, Callable

from bluma_async._runtime.clock import local_time

if TYPE_CHECKING:
    from bluma_async._runtime.clock import Clock
    from bluma_async._session.in_flight import InFlightCall

__all__ = ["MARGIN", "announce"]

MARGIN = 5.0  # seconds between the announcement of an attempt and its sending, at most


async def announce(call: InFlightCall, clock: Clock, touch: Callable[[], Awaitable[bool]]) -> bool:
    """
    Announce an attempt; False if the create was taken over.

    Args:
        call: The create. Its request may be sent as long as the announcement is recent.
        clock: The client's clock.
        touch: Records the announcement; returns False if another process has taken the create over.
    """
    is_recent = _watch_margin(clock)
    while await touch():
        if is_recent():
            call.request.may_send = is_recent
            return True
        is_recent = _watch_margin(clock)
    return False


def _watch_margin(clock: Clock) -> Callable[[], bool]:
    """
    Return a function that tells whether an announcement that begins now is recent enough to send.

    Both clocks count: the monotonic one stands still while a machine sleeps, and the other one can be set back.
    """
    began, began_at = clock.now(), local_time(clock)

    def is_recent() -> bool:
        now_at = local_time(clock)
        passed = (now_at - began_at).total_seconds() if now_at and began_at else 0.0
        return max(clock.now() - began, passed) <= MARGIN

    return is_recent
