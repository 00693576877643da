"""One call, upload or download in flight, with all its attempts."""

from __future__ import annotations

import asyncio
import contextlib
from enum import Enum
from typing import TYPE_CHECKING, Sequence

import attrs

from bluma_async._runtime.log import logger
from bluma_async._session.pauses import Pauses
from bluma_async._wire.call import Safety
from bluma_async._wire.certainty import CreateOutcome
from bluma_async.errors import AmbiguousCreateError, RequestTimeoutError

if TYPE_CHECKING:
    from datetime import datetime

    from bluma_async._runtime.clock import Clock
    from bluma_async._wire.messages import Request
    from bluma_async.errors import BlumaError
    from bluma_async.types import Video

__all__ = ["InFlightCall", "Standing", "ambiguous_create", "log_interrupted"]


class Standing(Enum):
    """The state of a paid call."""

    NOT_SENT = "not_sent"  # no request is out, or may have been accepted
    IN_FLIGHT = "in_flight"  # a request is out
    UNCERTAIN = "uncertain"  # a request was out, and may have been accepted
    ACCEPTED = "accepted"  # it was accepted and billed, whether or not its video is known


NO_LIST = "this API has no list that can be searched for it"
STANDINGS = {
    CreateOutcome.REFUSED: Standing.NOT_SENT,
    CreateOutcome.ACCEPTED: Standing.ACCEPTED,
    CreateOutcome.UNCERTAIN: Standing.UNCERTAIN,
}


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
        standing: The state of a paid call.
        is_unproven: Whether an earlier attempt is uncertain. `on_ambiguous="retry"` sends the next one without proof,
            and so does every call that costs nothing.
        last_sent: The last moment, by our clock, at which a request of a paid call can have been on its way.
        is_attended: Whether the task that began a paid call, or `settle`, still works on it.
        video_id: The video that a paid call is known to have become.
        floor: A time, by the clock of `created_at`, before which this create cannot have made a video; None if unknown.
        token: The one-use token in the callback URL of a create; None without one.
        content: The hash of the content of a create with `reuse`; None for every other call.
        confirmed_id: The video that a callback with this token has named; it is read before it is believed.
        order: The place of a paid call among the calls and reports of its account (see CreateEvidence).
        server_date: When a paid call began, by the server's clock, if that was known then. A value computed later
            would be wrong by the time that this machine slept in between.
        local_time: When a paid call began, by this machine's wall clock; None for a clock without one.
        is_sent_once: Whether it is never retried, whatever the options say.
        pauses: The pauses of its key's hourly budget.
        can_be_settled: Whether a search can determine the outcome of a paid call after it has ended.
    """

    request: Request
    began: float
    ends: float | None = None
    safety: Safety = Safety.SAFE_TO_RETRY
    template_id: str | None = None
    attempts: int = 0
    standing: Standing = Standing.NOT_SENT
    is_unproven: bool = False
    last_sent: float = 0.0
    is_attended: bool = False
    video_id: str | None = None
    floor: datetime | None = None
    token: str | None = None
    content: str | None = None
    confirmed_id: str | None = None
    _alarm: tuple[asyncio.AbstractEventLoop, asyncio.Future[None]] | None = None
    order: int = 0
    server_date: datetime | None = None
    local_time: datetime | None = None
    is_sent_once: bool = False
    can_be_settled: bool = True
    pauses: Pauses = attrs.field(factory=Pauses)

    @property
    def key(self) -> str | None:
        """The `Idempotency-Key` of its requests."""
        return self.request.idempotency_key

    @property
    def is_sending(self) -> bool:
        """Whether a request is out and its answer is not here."""
        return self.standing is Standing.IN_FLIGHT

    def begin_attempt(self) -> None:
        """Note that a request is about to be sent."""
        self.is_unproven = self.is_unproven or self.standing is Standing.UNCERTAIN
        self.standing = Standing.IN_FLIGHT

    def end_attempt(self, now: float, outcome: CreateOutcome) -> None:
        """Note that an attempt has failed, and whether it was refused or accepted, or is uncertain."""
        self.attempts += 1
        self.last_sent, self.standing = now, STANDINGS[outcome]
        if self.is_unproven and self.standing is Standing.NOT_SENT:
            self.standing = Standing.UNCERTAIN  # the refusal says nothing about the attempt before it

    def note_accepted(self, job_id: str | None) -> None:
        """Note that an attempt was accepted, and the id in its answer."""
        self.video_id, self.standing = job_id, Standing.ACCEPTED

    def prove_absence(self) -> None:
        """Note that none of its attempts was accepted."""
        self.standing, self.is_unproven = Standing.NOT_SENT, False

    def interrupt(self, now: float) -> None:
        """Note that the wait for the answer was cancelled. A request that was sent may still be accepted."""
        if self.standing is Standing.IN_FLIGHT:
            self.last_sent, self.standing = now, Standing.UNCERTAIN

    def identify(self, error: BaseException) -> None:
        """Set the key of a paid call, and its video if that is known, on an exception that ends the call."""
        facts = {"idempotency_key": self.key, "video_id": self.video_id}
        for name, value in facts.items():
            if value is not None:
                with contextlib.suppress(AttributeError, TypeError):  # a class of the user's may refuse it
                    setattr(error, name, value)

    async def pause(self, clock: Clock, seconds: float) -> None:
        """Sleep before the next attempt. A callback to this create's own URL ends the sleep."""
        has_token = self.token is not None or self.confirmed_id is not None
        await (self.sleep(clock, seconds) if has_token else clock.sleep(seconds))

    async def sleep(self, clock: Clock, seconds: float) -> None:
        """Sleep, but no longer than until `wake`."""
        loop = asyncio.get_running_loop()
        alarm: asyncio.Future[None] = loop.create_future()
        self._alarm = (loop, alarm)
        nap = asyncio.ensure_future(clock.sleep(seconds))
        if self.confirmed_id is not None:  # set by another thread before it could see the alarm
            alarm.set_result(None)
        try:
            await asyncio.wait({nap, alarm}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._alarm = None
            nap.cancel()

    def wake(self) -> None:
        """End a sleep: something has changed. May be called from any thread."""
        current = self._alarm  # read once: the task may remove it meanwhile
        if current is not None:
            loop, alarm = current
            with contextlib.suppress(RuntimeError):  # the loop has been closed
                loop.call_soon_threadsafe(_ring, alarm)

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


def _ring(alarm: asyncio.Future[None]) -> None:
    if not alarm.done():
        alarm.set_result(None)


def ambiguous_create(
    in_flight: InFlightCall, failure: BlumaError, candidates: Sequence[Video] = (), *, because: str = ""
) -> AmbiguousCreateError:
    """
    Build the error for a paid call that was accepted, or may have been accepted.

    Args:
        in_flight: The call.
        failure: What its last attempt ended with.
        candidates: Videos that may be its own, those whose time fits best first.
        because: Why its video is not known, or why no candidate was adopted.
    """
    is_accepted = in_flight.standing is Standing.ACCEPTED
    billed = "It was accepted and billed" if is_accepted else "It may have been accepted and billed"
    error = AmbiguousCreateError(
        f"{failure} {billed}, and was not sent again: {_describe_search(in_flight, candidates, because)}",
        status=failure.status,
        attempts=failure.attempts,
        accepted=is_accepted,
        candidates=candidates,
        idempotency_key=in_flight.key,
        template_id=in_flight.template_id,
        started_at=in_flight.server_date or in_flight.local_time,
        type=getattr(failure, "type", None),
    )
    error.__cause__ = failure
    return error


def _describe_search(in_flight: InFlightCall, candidates: Sequence[Video], because: str) -> str:
    """Return the result of the search for the video of a paid call, and the next step of the caller."""
    if not in_flight.can_be_settled:
        return f"{NO_LIST}. Look into your account with the provider before you create it again."
    found = f"{len(candidates)} video(s) may be its own" if candidates else because or "its video was not searched for"
    found += f" ({because})" if candidates and because else ""
    return f"{found}. Make sure of it before you create it again: `candidates` are the videos that may be its own."


def log_interrupted(in_flight: InFlightCall) -> None:
    """Log a create that was interrupted while its request was out: its caller knows nothing but its key."""
    job_id, advice = in_flight.video_id, "`client.settle()` determines its outcome"
    known = "may have been accepted and billed"
    if job_id:
        known, advice = f"became video {job_id}", "It is paid: wait for it by its id"
    if not in_flight.can_be_settled:
        known = f"was accepted and billed as {job_id}" if job_id else known
        advice = "Wait for it by this id" if job_id else f"Its outcome stays unknown: {NO_LIST}"
    logger.warning("A create was interrupted. It %s (Idempotency-Key %s). %s.", known, in_flight.key, advice)
