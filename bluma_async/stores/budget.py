"""Define the port of a budget that several processes share, and its values."""

from __future__ import annotations

from typing import Protocol

import attrs

from bluma_async._session.pauses import BudgetPause

__all__ = ["Budget", "BudgetState", "Lease", "Report"]

MOST = 10  # requests in a block
SHARE = 4  # blocks of each process that the budget must have left for a block of full size
UNKNOWN = 2  # requests in a block before the first answer has named the budget
LONGEST_WAIT = 1.0  # seconds between two attempts to lease; other processes give back meanwhile
SHORTEST_WAIT = 0.05


@attrs.frozen
class Report:
    """
    The rate-limit headers of an answer.

    Attributes:
        limit: Requests allowed in a window.
        remaining: Requests that were left after this one.
        reset_after: Seconds from now to the reset.
        age: Seconds since the answer.
    """

    limit: int
    remaining: int
    reset_after: float
    age: float


@attrs.frozen
class Lease:
    """
    A block of requests.

    Attributes:
        tokens: Its size, which may be 0.
        wait: Seconds to wait before the next attempt to lease, if it is 0.
        pause: Why it is 0; None if it is not.
    """

    tokens: int
    wait: float
    pause: BudgetPause | None = None


@attrs.define
class BudgetState:
    """
    The budget of a key, as a store decides on it: the same for every store.

    Attributes:
        quota: Requests allowed in a window; None before the first report.
        available: Requests that may still be leased; None before the first report.
        resets_in: Seconds until the window ends.
        report_age: Seconds since the newest report.
        others: Requests that other living processes have leased, and that the server has not counted yet.
        workers: Living processes.
    """

    quota: int | None
    available: int | None
    resets_in: float
    report_age: float
    others: int
    workers: int

    def correct(self, report: Report, unused: int) -> None:
        """Take in the headers of an answer."""
        left = report.remaining - self.others - unused
        is_newer = report.age < self.report_age
        self.available = left if is_newer or self.available is None else min(self.available, left)
        if is_newer:
            self.quota, self.resets_in, self.report_age = report.limit, report.reset_after, report.age

    def grant(self, reserve: float) -> int:
        """Return the size of the next block, and take it."""
        if self.available is None:
            return UNKNOWN
        spare = self.available - int(reserve * (self.quota or 0))
        fair = max(self.available // (SHARE * max(self.workers, 1)), 1)
        block = max(min(spare, fair, MOST), 0)
        if not block and self.resets_in <= 0:  # whatever the reserve: without an answer, nobody would learn the rest
            block, self.resets_in = 1, LONGEST_WAIT
        self.available = max(self.available - block, 0)
        return block

    def build_lease(self, block: int) -> Lease:
        """Return the lease of a block; without one, the seconds to wait, and why."""
        if block:
            return Lease(block, 0.0)
        pause = BudgetPause(self.available or 0, self.quota or 0, self.resets_in, self.others)
        return Lease(0, max(min(self.resets_in, LONGEST_WAIT), SHORTEST_WAIT), pause)


class Budget(Protocol):
    """The rate at which one key may send, in all processes together."""

    async def lease(self, unused: int, report: Report | None, reserve: float) -> Lease:
        """
        Lease a block of requests.

        Args:
            unused: Requests that this process has leased, and that the server has not counted yet.
            report: The newest headers that this process has seen since its last lease; None if it has seen none.
            reserve: The share of the limit that must be left for more important requests.
        """
        ...
