"""The parts of a wait: the check of its arguments, its waiter, and what `PollHub` loads with the first wait."""

from __future__ import annotations

import contextvars
from typing import TYPE_CHECKING, Any, Collection

from bluma_async._runtime.running_loop import get_running_loop
from bluma_async._wire.checks import require_callable, require_seconds, require_statuses
from bluma_async.waiting.announcer import Announcer
from bluma_async.waiting.contact import Contact
from bluma_async.waiting.entries import Waiter
from bluma_async.waiting.poller import Poller

if TYPE_CHECKING:
    from bluma_async.waiting.source import Source

SHORTEST_INTERVAL = 0.001  # seconds; the turns of much shorter ones cannot be computed, and no server wants them

__all__ = ["Announcer", "Poller", "make_waiter", "require_wait"]


def require_wait(
    poll_interval: object, timeout: object, on_progress: object, on_status: object, final_statuses: object
) -> None:
    """
    Require valid arguments of a wait: a call that pays first checks them before that.

    Raises:
        InvalidArgumentError: One of them is invalid.
    """
    require_seconds("poll_interval", poll_interval, at_least=SHORTEST_INTERVAL)
    require_seconds("timeout", timeout)
    require_callable("on_progress", on_progress)
    require_callable("on_status", on_status)
    require_statuses("final_statuses", final_statuses)


def make_waiter(
    now: float, source: Source[Any], poll_interval: float, timeout: float, final_statuses: Collection[str]
) -> Waiter:
    """Return the waiter of a wait that begins now; its context is that of the caller."""
    return Waiter(
        source,
        poll_interval,
        timeout,
        now + timeout,
        False,
        False,
        frozenset(final_statuses),
        contextvars.copy_context(),
        get_running_loop().create_future(),
        Contact(now),
    )
