"""
Decide what follows a failed attempt: repeat it, look first whether it was accepted, or give up.

Rule 1: nothing here waits, sends, or reads a clock; the session does, and tells what happened.
Rule 2: a call that costs money is never repeated on a guess. What is not known to be refused may have been accepted.
"""

from __future__ import annotations

import math
from typing import Literal, Union

import attrs

from bluma_async._wire.call import Safety
from bluma_async.errors import APIError, BlumaError, NetworkError, RateLimitError, ServerError

__all__ = ["Decision", "GiveUp", "LookFirst", "OnAmbiguous", "Repeat", "RetryPolicy", "decide", "is_certainly_refused"]

OnAmbiguous = Literal["reconcile", "retry", "raise", "adopt"]
MAX_EXPONENT = 64  # beyond it the delay outlives the universe, and then the float


@attrs.frozen(kw_only=True)
class RetryPolicy:
    """How failed calls are repeated; delays in seconds. The defaults sleep 1, 2 and 4 s."""

    max_retries: int = 3
    retry_delay: float = 1.0
    retry_multiplier: float = 2.0
    retry_jitter: float = 0.0
    max_retry_after: float | None = None
    on_ambiguous: OnAmbiguous = "reconcile"

    def is_worth_repeating(self, error: BlumaError, attempt: int) -> bool:
        """Tell whether another attempt makes sense; attempts count from 0."""
        if attempt >= self.max_retries:
            return False
        if self._follows(error):
            asked = _asked_pause(error)
            return asked is None or self.max_retry_after is None or asked <= self.max_retry_after
        return isinstance(error, (ServerError, NetworkError))

    def delay(self, error: BlumaError, attempt: int, spread: float) -> float:
        """Return the seconds before the next attempt; `spread`, from 0 to 1, is the share of the jitter to take."""
        asked = _asked_pause(error) if self._follows(error) else None
        backoff = self.retry_delay * self.retry_multiplier ** min(attempt, MAX_EXPONENT)
        return (backoff if asked is None else asked) * (1 + self.retry_jitter * spread)

    def _follows(self, error: BlumaError) -> bool:
        """Whether the server's own wish decides: 429 and 503, once the caller has said how long is bearable."""
        return self.max_retry_after is not None and (isinstance(error, RateLimitError) or _is_unavailable(error))


@attrs.frozen
class Repeat:
    """Send it again after so many seconds."""

    after: float


@attrs.frozen
class LookFirst:
    """
    Find out whether the call was accepted after all, after so many seconds.

    If it certainly was not, send it again (`then_repeat`) or raise the error.
    """

    after: float
    then_repeat: bool


@attrs.frozen
class GiveUp:
    """Raise the error; `in_doubt` when the call may have been accepted and nobody may look."""

    in_doubt: bool = False


Decision = Union[Repeat, LookFirst, GiveUp]


def decide(
    safety: Safety,
    error: BlumaError,
    policy: RetryPolicy,
    *,
    repeat: bool,
    delay: float,
    time_left: float = math.inf,
    can_look: bool = True,
) -> Decision:
    """
    Decide what follows a failed attempt.

    Args:
        safety: What repeating the call may do.
        error: What the attempt ended with.
        policy: The client's policy.
        repeat: Whether the policy, or the caller's own `should_retry`, wants another attempt.
        delay: The seconds before it.
        time_left: The seconds until the call's deadline; what would not begin before it is not begun.
        can_look: Whether there is a way to find out what became of the call.
    """
    repeat = repeat and delay < time_left
    if safety is Safety.COSTS_MONEY and policy.on_ambiguous != "retry" and not is_certainly_refused(error):
        if policy.on_ambiguous == "raise" or not can_look:
            return GiveUp(in_doubt=True)
        return LookFirst(delay if repeat else 0.0, then_repeat=repeat)
    return Repeat(delay) if repeat else GiveUp()


def is_certainly_refused(error: BlumaError) -> bool:
    """Tell whether the server certainly did not accept the call."""
    if isinstance(error, NetworkError):
        return not error.request_sent
    return isinstance(error, APIError) and (not isinstance(error, ServerError) or _is_unavailable(error))


def _is_unavailable(error: BlumaError) -> bool:
    return isinstance(error, ServerError) and error.status == 503


def _asked_pause(error: BlumaError) -> float | None:
    return error.retry_after if isinstance(error, APIError) else None
