"""Whether, and after how long, what failed is tried again: as the options, or the user's own functions, say."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from bluma_async._runtime.callbacks import call_back
from bluma_async.errors import InvalidArgumentError

if TYPE_CHECKING:
    from bluma_async._runtime.clock import Clock
    from bluma_async._session.options import Options
    from bluma_async._wire.retry import RetryPolicy
    from bluma_async.errors import BlumaError

__all__ = ["another_attempt", "pause_before_another"]


async def pause_before_another(
    options: Options, policy: RetryPolicy, failure: BlumaError, attempt: int
) -> float | None:
    """Return the seconds before another attempt, or None if there is to be none; attempts count from 0."""
    if options.should_retry is None or isinstance(failure, InvalidArgumentError):
        repeat = policy.is_worth_repeating(failure, attempt)
    else:
        repeat = bool(await call_back(options.should_retry, failure, attempt))
    if not repeat:
        return None
    if options.calculate_retry_delay is not None:
        return max(float(await call_back(options.calculate_retry_delay, attempt)), 0.0)
    return policy.delay(failure, attempt, random.random())  # noqa: S311 - spreads a fleet, hides nothing


async def another_attempt(options: Options, clock: Clock, failure: BlumaError, attempt: int) -> int:
    """Pause before another attempt and return its number, or raise the failure if there is to be none."""
    pause = await pause_before_another(options, options.retry_policy, failure, attempt)
    if pause is None:
        raise failure
    await clock.sleep(pause)
    return attempt + 1
