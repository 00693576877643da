"""
The one retry loop: JSON calls, uploads and downloads run their attempts here.

Rule 1: `_wire.retry` and the user's own functions decide whether to retry, and when. This module acts on it.
Rule 2: an attempt returns a failure that may be retried, and raises everything else. A user's hook may raise the SDK's
own errors: if attempts raised their failures, the loop would retry the user's exception.
Rule 3: the hooks are called in the same places for all three.
Rule 4: a retry is counted when its attempt begins: a search, or a callback during the pause, can take its place.
Rule 5: closing the client ends a pause, and no attempt follows: the call ends with the failure of the last one.
"""

from __future__ import annotations

import contextlib
import math
import random
from typing import TYPE_CHECKING, Any, Awaitable, Callable, Protocol, TypeVar, Union

import attrs

from bluma_async._runtime.callbacks import call_back
from bluma_async._session.hooks import Observer
from bluma_async._session.in_flight import InFlightCall, ambiguous_create
from bluma_async._wire.certainty import classify
from bluma_async._wire.retry import GiveUp, Reconcile, Retry, decide
from bluma_async.errors import BlumaError, InvalidArgumentError

if TYPE_CHECKING:
    from bluma_async._session.options import Options
    from bluma_async._session.shared import Shared
    from bluma_async._wire.messages import Answer
    from bluma_async._wire.retry import Decision

__all__ = ["Attempt", "Failed", "Reconciler", "RetryLoop"]

T = TypeVar("T")


@attrs.frozen
class Failed:
    """The outcome of an attempt that may be retried."""

    error: BlumaError


Attempt = Callable[[InFlightCall], Awaitable[Union[T, Failed]]]


class Reconciler(Protocol[T]):
    """Determines the outcome of a paid call. The resources implement it, because they know how to search."""

    async def accept(self, call: InFlightCall, outcome: T, answer: Answer) -> None:
        """
        Note the result of an accepted call.

        Raises:
            ServerError: The answer belongs to another request.
        """
        ...

    async def reconcile(self, call: InFlightCall, failure: BlumaError, decision: Reconcile) -> T | None:
        """
        Return the result of a call, or None if it certainly was not accepted.

        Raises:
            AmbiguousCreateError: It was accepted, or may have been accepted, and its result is not known.
        """
        ...


class RetryLoop:
    """Run attempts until one succeeds or no further one is allowed."""

    def __init__(self, options: Options, shared: Shared) -> None:
        self.observer: Observer = Observer(options)
        self._options = options
        self._policy = options.retry_policy
        self._shared = shared

    async def run(self, in_flight: InFlightCall, attempt: Attempt[T], reconciler: Reconciler[T] | None = None) -> T:
        """
        Return the result of the first attempt that succeeds, or raise the failure of the last one.

        Args:
            in_flight: The call; hooks and the log report its `request`.
            attempt: Sends the request once, and calls `observer.after_response` if an answer comes.
            reconciler: Determines the outcome of an uncertain paid call. Without it, such a call is never sent again
                unless it certainly was refused.
        """
        failure: BlumaError | None = None  # of the attempt before
        while True:
            if failure is not None and self._shared.telemetry is not None:
                self._shared.telemetry.count_retry(in_flight.request.method, failure)
            if self.observer.observes_requests:
                await self.observer.before_request(in_flight.request, in_flight.attempts)
            outcome = await attempt(in_flight)
            if not isinstance(outcome, Failed):
                return outcome
            failure = outcome.error
            found = await self._follow(in_flight, failure, reconciler)
            if found is not None:
                return found
            if self._shared.connections.is_closed:
                raise failure

    async def _follow(self, in_flight: InFlightCall, failure: BlumaError, reconciler: Reconciler[T] | None) -> T | None:
        """Act on a failed attempt. Return the call's result if it was accepted after all; None to try again."""
        number = in_flight.attempts
        failure.not_accepted = False  # a transport of the caller's may raise one object twice
        in_flight.end_attempt(self._shared.clock.now(), classify(failure))
        failure.attempts = in_flight.attempts
        decision = await self._decide(in_flight, failure, number, can_reconcile=reconciler is not None)
        if isinstance(decision, GiveUp):
            raise ambiguous_create(in_flight, failure) if decision.in_doubt else failure
        if isinstance(decision, Retry):
            await self.observer.before_retry(in_flight.request, failure, number, decision.after)
            await self._shared.connections.until_closed(in_flight.pause(self._shared.clock, decision.after))
            if in_flight.confirmed_id is None:
                return None
            decision = Reconcile(0.0, then_retry=True)  # a callback has named the video: it is not sent again
        elif decision.then_retry:
            proven_in = max(decision.after, self._options.settle_time)
            await self.observer.before_search(in_flight.request, failure, number, proven_in)
        found = None if reconciler is None else await reconciler.reconcile(in_flight, failure, decision)
        if found is None:
            in_flight.prove_absence()
            if not decision.then_retry:
                failure.not_accepted = True
                raise failure
        return found

    async def _decide(
        self, in_flight: InFlightCall, failure: BlumaError, number: int, *, can_reconcile: bool
    ) -> Decision:
        is_last = in_flight.is_sent_once or self._shared.connections.is_closed
        pause = None if is_last else await self._pause(failure, number)
        return decide(
            in_flight.safety,
            failure,
            self._policy,
            retry=pause is not None,
            delay=pause or 0.0,
            time_left=math.inf if in_flight.ends is None else in_flight.ends - self._shared.clock.now(),
            can_reconcile=can_reconcile,
        )

    async def _pause(self, failure: BlumaError, number: int) -> float | None:
        """Return the seconds before another attempt, or None to make none; the user's own functions come first."""
        options = self._options
        if options.should_retry is None or isinstance(failure, InvalidArgumentError):
            is_wanted = self._policy.allows_retry(failure, number)
        else:
            is_wanted = bool(await call_back(options.should_retry, failure, number))
        if not is_wanted:
            return None
        if options.calculate_retry_delay is not None:
            return _read_delay(await call_back(options.calculate_retry_delay, number))
        return self._policy.delay(failure, number, random.random())  # noqa: S311 - spreads a fleet, protects nothing


def _read_delay(seconds: Any) -> float:
    """
    Return the pause that `calculate_retry_delay` asks for; none for a negative number.

    Raises:
        BlumaError: It is no number. Not an InvalidArgumentError: that one promises that nothing was sent, and the
            request of the attempt before the pause may have been accepted.
    """
    with contextlib.suppress(TypeError, ValueError, OverflowError):
        if math.isfinite(delay := float(seconds)):
            return max(delay, 0.0)
    raise BlumaError(
        f"calculate_retry_delay must return a number of seconds, not {seconds!r}. The call was not retried."
    )
