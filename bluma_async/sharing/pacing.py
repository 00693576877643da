"""
Send no faster than the budget that all processes share.

Rule 1: creates come first, then reads of single videos, then lists: each leaves a reserve to the more important ones.
Rule 2: a call does not wait for its place beyond its deadline, nor, where `patience` bounds it, for long without one.
Its error says that the budget is spent, and when requests are possible again.
"""

from __future__ import annotations

import asyncio
import copy
import math
from typing import TYPE_CHECKING, Dict, Mapping

from bluma_async._wire.budget import read_rate_limit
from bluma_async._wire.call import Safety
from bluma_async.errors import BlumaError, RateLimitError, RequestTimeoutError
from bluma_async.stores.budget import Lease, Report

if TYPE_CHECKING:
    from bluma_async._runtime.clock import Clock
    from bluma_async._session.in_flight import InFlightCall
    from bluma_async._session.pauses import BudgetPause
    from bluma_async.stores.budget import Budget

__all__ = ["Pacer"]

FORGOTTEN = 60.0  # seconds after which a request without an answer is not counted as in flight any more
FAILED = 1.0  # seconds for which the failure of a lease is that of every call
READ_RESERVE = 0.01  # of the limit
LIST_RESERVE = 0.05
READY = Lease(0, 0.0)  # no lease is needed


class Pacer:
    """Leases blocks of requests, and hands them out one by one."""

    def __init__(self, budget: Budget, clock: Clock) -> None:
        self._budget = budget
        self._clock = clock
        self._tokens = 0
        self._sent: Dict[int, float] = {}  # the moment of each request in flight, by its call
        self._headers: Mapping[str, str] | None = None
        self._answered = 0.0
        self._gate = asyncio.Lock()
        self._failure: BlumaError | None = None
        self._failed_at = 0.0

    async def wait(self, call: InFlightCall, patience: float = math.inf) -> None:
        """
        Wait until a request may be sent.

        Args:
            call: The call that the request belongs to.
            patience: Seconds to wait, besides the deadline of the call.

        Raises:
            RequestTimeoutError: The deadline of the call came first. Nothing was sent.
            RateLimitError: The budget has no place for this call within `patience`. Nothing was sent.
        """
        reserve, ends = _choose_reserve(call), self._clock.now() + patience
        while True:
            async with self._gate:
                leased = READY if self._tokens > 0 else await self._lease(reserve)
                call.pauses.note(leased.pause, self._clock)
                if self._tokens > 0:
                    self._tokens -= 1
                    self._sent[id(call)] = self._clock.now()
                    return
            left = self._find_time_left(call, leased.pause)
            if self._clock.now() + leased.wait > ends:
                raise _build_refusal(leased.pause)
            await self._clock.sleep(leased.wait if left is None else min(leased.wait, left))

    def note(self, call: InFlightCall, headers: Mapping[str, str]) -> None:
        """Note the end of a request, and the headers of its answer; none if there was no answer."""
        self._sent.pop(id(call), None)
        if "x-ratelimit-remaining" in headers:
            self._headers, self._answered = headers, self._clock.now()

    def _find_time_left(self, call: InFlightCall, pause: BudgetPause | None) -> float | None:
        try:
            return call.time_left(self._clock)
        except RequestTimeoutError as late:
            raise RequestTimeoutError(f"{late} {_describe(pause)}".rstrip(), request_sent=False) from None

    async def _lease(self, reserve: float) -> Lease:
        """
        Lease a block.

        A failed lease fails all calls that wait for it: each would wait as long for the same error.
        """
        now = self._clock.now()
        if self._failure is not None and now - self._failed_at < FAILED:
            raise copy.copy(self._failure)
        try:
            return await self._lease_block(reserve, now)
        except BlumaError as failure:
            self._failure, self._failed_at = failure, self._clock.now()
            raise

    async def _lease_block(self, reserve: float, now: float) -> Lease:
        self._sent = {call: at for call, at in self._sent.items() if now - at < FORGOTTEN}
        report, self._headers = self._build_report(now), None
        leased = await self._budget.lease(self._tokens + len(self._sent), report, reserve)
        self._tokens += leased.tokens
        return leased

    def _build_report(self, now: float) -> Report | None:
        found = None if self._headers is None else read_rate_limit(self._headers)
        if found is None:
            return None
        age = now - self._answered
        return Report(found.limit, found.remaining, max((found.reset_after or 0.0) - age, 0.0), age)


def _build_refusal(pause: BudgetPause | None) -> RateLimitError:
    advice = "Nothing was sent; try again later, or set a deadline to wait longer."
    return RateLimitError(
        f"{_describe(pause)} {advice}".lstrip(), retry_after=None if pause is None else pause.resets_in
    )


def _describe(pause: BudgetPause | None) -> str:
    return "" if pause is None else pause.describe()


def _choose_reserve(call: InFlightCall) -> float:
    if call.safety is Safety.COSTS_MONEY:
        return 0.0
    return LIST_RESERVE if "/videos?" in call.request.url else READ_RESERVE
