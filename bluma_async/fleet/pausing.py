"""The signal of a worker to create nothing for a while, or any more."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from bluma_async._runtime.log import logger
from bluma_async.batch.api import StopSignal
from bluma_async.errors import BlumaError

if TYPE_CHECKING:
    from bluma_async._runtime.clock import Clock

__all__ = ["PAUSE", "PausingStop"]

PAUSE = 30.0  # seconds without creates after an error that every job would share


class PausingStop(StopSignal):
    """Stops creates for a while: a worker runs for days, and accounts are refilled."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock
        self._ends = 0.0

    @property
    def is_set(self) -> bool:
        """Whether nothing is submitted now."""
        return self.reason is not None and self._clock.now() < self._ends

    def set(self, reason: BlumaError) -> None:
        """Submit nothing for a while. Creates that were in flight fail for the same reason, which is logged once."""
        is_new = not self.is_set
        self.reason: BlumaError | None = reason
        self._ends = max(self._ends, self._clock.now() + PAUSE)
        self.end_waits()
        if is_new:
            logger.warning("No video is created for %g s: %s", PAUSE, reason)

    def end(self) -> None:
        """Submit nothing any more."""
        self.reason, self._ends = BlumaError("The worker ends."), math.inf
        self.end_waits()
