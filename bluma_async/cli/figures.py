"""The figures of a running batch: done of total, percent, credits, and the time left at the budget of requests."""

from __future__ import annotations

import math
import sys
from bisect import bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from bluma_async._wire.budget import RateLimit
    from bluma_async.stores.jobs import BatchStatus

__all__ = ["Figures", "estimate_seconds", "format_seconds", "shorten"]

HOUR = 3600.0


@attrs.frozen
class Figures:
    """
    The known numbers of a batch.

    Attributes:
        status: The counts of the journal.
        finished: The jobs that this run has finished.
        elapsed: Seconds since it began.
        requests: The requests that it has sent.
        limit: The hourly budget of the key; None if it is not known.
    """

    status: BatchStatus
    finished: int
    elapsed: float
    requests: int
    limit: RateLimit | None

    @property
    def done(self) -> int:
        """The jobs that need nothing more: finished or failed, in this run or before."""
        return self.status.rendered + self.status.saved + self.status.failed + self.status.in_doubt

    @property
    def percent(self) -> int:
        """The part of the batch that is done."""
        return 100 * self.done // self.status.total if self.status.total else 0

    def describe(self) -> str:
        """Return the figures in a line."""
        left = estimate_seconds(self.status.total - self.done, self.finished, self.elapsed, self.requests, self.limit)
        parts = [
            f"{self.done} of {self.status.total} done ({self.percent} %)",
            f"{self.status.credits_net} credits",
            *([f"{self.status.failed} failed"] if self.status.failed else ()),
            *([f"{self.status.in_doubt} in doubt"] if self.status.in_doubt else ()),
            *([f"about {format_seconds(left)} left"] if left else ()),
        ]
        return ", ".join(parts)


def estimate_seconds(left: int, finished: int, elapsed: float, requests: int, limit: RateLimit | None) -> float | None:
    """
    Return the seconds until the last job is finished; None before the first one is.

    It is the longer of two times: at the speed so far, and at the key's hourly budget of requests, if that is used up
    before.

    Args:
        left: The jobs that are not done.
        finished: The jobs that were finished in the time elapsed.
        elapsed: Seconds.
        requests: The requests that this took.
        limit: The budget.
    """
    if not finished:
        return None
    by_speed = left * elapsed / finished
    needed = left * requests / finished
    if limit is None or limit.reset_after is None or needed <= limit.remaining:
        return by_speed
    hours = math.ceil((needed - limit.remaining) / max(limit.limit, 1))  # of which the last is not used up
    rest = (needed - limit.remaining) - (hours - 1) * limit.limit
    return max(by_speed, limit.reset_after + (hours - 1) * HOUR + HOUR * rest / max(limit.limit, 1))


def format_seconds(seconds: float) -> str:
    """Return a time for people."""
    if seconds < 90:
        return f"{max(seconds, 1):.0f} s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / HOUR:.1f} h"


def shorten(text: str, width: int) -> str:
    """
    Return a text without its middle, because keys often differ at their ends alone.

    Args:
        text: The text.
        width: The columns of a terminal that it may have. A character of some scripts, and an emoji, needs two.
    """
    from rich.cells import cell_len  # noqa: PLC0415 - only a terminal needs it

    if cell_len(text) <= width:
        return text
    gap = "…" if (getattr(sys.stdout, "encoding", None) or "").lower().startswith("utf") else "~"
    kept = max(width - 1, 2)
    return text[: _count(text, kept - kept // 2)] + gap + text[len(text) - _count(text[::-1], kept // 2) :]


def _count(text: str, width: int) -> int:
    """Return how many characters of a text fit into so many columns."""
    from rich.cells import cell_len  # noqa: PLC0415 - only a terminal needs it

    ends = list(accumulate(map(cell_len, text)))
    return bisect_right(ends, width)
