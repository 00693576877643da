"""One call, upload or download in flight, with all its attempts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Sequence

import attrs

from bluma_async._wire.call import Safety
from bluma_async.errors import AmbiguousCreateError, RequestTimeoutError

if TYPE_CHECKING:
    from datetime import datetime

    from bluma_async._runtime.clock import Clock
    from bluma_async._session.server_clock import ServerClock
    from bluma_async._wire.messages import Request
    from bluma_async.errors import BlumaError
    from bluma_async.types import Video

__all__ = ["InFlightCall", "ambiguous_create"]


@attrs.define(eq=False)
class InFlightCall:
    """
    One call in flight.

    Attributes:
        request: The request of the current attempt, as hooks and the log see it.
        began: When the call began, by our clock.
        ends: The deadline, by our clock; None without one.
        safety: Whether a retry may cost money.
        template_id: The template that is paid for, if known.
        attempts: The attempts that have failed; a download that receives bytes counts from 0 again.
        is_sending: Whether a request is out and its answer is not here.
        order: The place of a paid call among the calls and reports of its account (see CreateEvidence).
        server_date: When a paid call began, by the server's clock, if that was known then. A value computed later
            would be wrong by the time that this machine slept in between.
    """

    request: Request
    began: float
    ends: float | None = None
    safety: Safety = Safety.SAFE_TO_RETRY
    template_id: str | None = None
    attempts: int = 0
    is_sending: bool = False
    order: int = 0
    server_date: datetime | None = None

    def started_at(self, server_clock: ServerClock) -> datetime | None:
        """Return when the call began, by the server's clock; None before the first answer with a Date header."""
        return self.server_date or server_clock.at(self.began)

    def time_left(self, clock: Clock) -> float | None:
        """
        Return the seconds until the deadline, or None without a deadline.

        Raises:
            RequestTimeoutError: The deadline has passed. The request is not sent.
        """
        if self.ends is None:
            return None
        left = self.ends - clock.now()
        if left <= 0:
            where = f"{self.request.method} {self.request.public_url}"
            raise RequestTimeoutError(f"{where} was not sent: no time is left before the deadline.", request_sent=False)
        return left


def ambiguous_create(
    in_flight: InFlightCall, server_clock: ServerClock, failure: BlumaError, candidates: Sequence[Video] = ()
) -> AmbiguousCreateError:
    """Return the error for a paid call that may have been accepted."""
    found = f"{len(candidates)} video(s) may be its result" if candidates else "it could not be looked up"
    return AmbiguousCreateError(
        f"{failure} The create may have been accepted and billed, and was not retried: {found}. Check this before you "
        "create it again; `candidates` are the videos that may be its result.",
        status=failure.status,
        attempts=failure.attempts,
        candidates=candidates,
        idempotency_key=in_flight.request.headers.get("Idempotency-Key"),
        template_id=in_flight.template_id,
        started_at=in_flight.started_at(server_clock),
    )
