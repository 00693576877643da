"""What a wait needs: the check of its arguments, its waiter, and what `PollHub` loads with the first wait."""

from __future__ import annotations

import asyncio
import contextvars
from typing import TYPE_CHECKING, Any, Collection

from bluma_async._wire.checks import require_callable, require_seconds, require_statuses
from bluma_async.waiting.announcer import Announcer
from bluma_async.waiting.contact import Contact
from bluma_async.waiting.entries import Waiter
from bluma_async.waiting.poller import Poller

if TYPE_CHECKING:
    from bluma_async.waiting.source import Source

__all__ = ["Announcer", "Poller", "make_waiter", "require_wait"]


def require_wait(
    poll_interval: object, timeout: object, on_progress: object, on_status: object, final_statuses: object
) -> None:
    """
    Require valid arguments of a wait: a call that pays first checks them before that.

    Raises:
        InvalidArgumentError: One of them is invalid.
    """
    require_seconds("poll_interval", poll_interval, above=0)
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
        asyncio.get_running_loop().create_future(),
        Contact(now),
    )
