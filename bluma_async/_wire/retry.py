"""
Decide the next step after a failed attempt: retry, reconcile first, or give up.

Rule 1: nothing here waits, sends, or reads a clock. The session does, and passes in the outcome.
Rule 2: a call that costs money is never retried on a guess: unless it was certainly refused, it may have been accepted.
"""

from __future__ import annotations

import math
from typing import Literal, Union

import attrs

from bluma_async._wire.call import Safety
from bluma_async._wire.certainty import CreateOutcome, classify
from bluma_async.errors import APIError, BlumaError, NetworkError, RateLimitError, ServerError

__all__ = ["Decision", "GiveUp", "OnAmbiguous", "Reconcile", "Retry", "RetryPolicy", "decide", "is_certainly_refused"]

OnAmbiguous = Literal["reconcile", "retry", "raise", "adopt"]
MAX_EXPONENT = 64  # a larger one makes a delay of more seconds than a float can hold


@attrs.frozen(kw_only=True)
class RetryPolicy:
    """The rules for retries of failed calls; delays in seconds. The defaults pause 1, 2 and 4 s."""

    max_retries: int = 3
    retry_delay: float = 1.0
    retry_multiplier: float = 2.0
    retry_jitter: float = 0.0
    max_retry_after: float | None = None
    on_ambiguous: OnAmbiguous = "reconcile"

    def allows_retry(self, error: BlumaError, attempt: int) -> bool:
        """Return whether this failed attempt may be followed by another; attempts count from 0."""
        if attempt >= self.max_retries:
            return False
        if self._obeys_server(error):
            asked = _asked_pause(error)
            return asked is None or self.max_retry_after is None or asked <= self.max_retry_after
        return isinstance(error, (ServerError, NetworkError))

    def delay(self, error: BlumaError, attempt: int, spread: float) -> float:
        """Return the seconds before the next attempt; `spread`, from 0 to 1, is the share of the jitter to add."""
        asked = _asked_pause(error) if self._obeys_server(error) else None
        backoff = self.retry_delay * self.retry_multiplier ** min(attempt, MAX_EXPONENT)
        return max(backoff, asked or 0.0) * (1 + self.retry_jitter * spread)

    def _obeys_server(self, error: BlumaError) -> bool:
        """Return whether Retry-After decides: for 429 and 503, if the caller has set the longest acceptable pause."""
        return self.max_retry_after is not None and (isinstance(error, RateLimitError) or _is_unavailable(error))


@attrs.frozen
class Retry:
    """Send the call again after so many seconds."""

    after: float


@attrs.frozen
class Reconcile:
    """
    Search for evidence of whether the call was accepted. The search begins after so many seconds.

    If it certainly was not, send it again (`then_retry`) or raise the error. An accepted call is never sent again.
    """

    after: float
    then_retry: bool = False


@attrs.frozen
class GiveUp:
    """Raise the error; `in_doubt` if the call may have been accepted and cannot be reconciled."""

    in_doubt: bool = False


Decision = Union[Retry, Reconcile, GiveUp]


def decide(
    safety: Safety,
    error: BlumaError,
    policy: RetryPolicy,
    *,
    retry: bool,
    delay: float,
    time_left: float = math.inf,
    can_reconcile: bool = True,
) -> Decision:
    """
    Decide the next step after a failed attempt.

    Args:
        safety: Whether a retry may cost money.
        error: The error of the attempt.
        policy: The client's policy.
        retry: Whether the policy, or the caller's own `should_retry`, wants another attempt.
        delay: The seconds before it.
        time_left: The seconds until the call's deadline; an attempt that would not start before it is not made.
        can_reconcile: Whether a search can show if the call was accepted.
    """
    retry = retry and delay < time_left
    outcome = classify(error) if safety is Safety.COSTS_MONEY else CreateOutcome.REFUSED
    if outcome is CreateOutcome.REFUSED or (outcome is CreateOutcome.UNCERTAIN and policy.on_ambiguous == "retry"):
        return Retry(delay) if retry else GiveUp()
    if policy.on_ambiguous == "raise" or not can_reconcile:
        return GiveUp(in_doubt=True)
    # A pause that reaches the deadline is left out: the call must not outlive it, and its video may be listed already.
    pause = delay if delay < time_left else 0.0
    return Reconcile(pause, then_retry=retry and outcome is not CreateOutcome.ACCEPTED)


def is_certainly_refused(error: BlumaError) -> bool:
    """Return whether the server certainly did not accept the call."""
    return classify(error) is CreateOutcome.REFUSED


def _is_unavailable(error: BlumaError) -> bool:
    return isinstance(error, ServerError) and error.status == 503


def _asked_pause(error: BlumaError) -> float | None:
    return error.retry_after if isinstance(error, APIError) else None
