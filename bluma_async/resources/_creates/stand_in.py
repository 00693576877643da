"""Calls that stand for creates of other programs, which have ended: a search for their videos needs a call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bluma_async._runtime.clock import local_time
from bluma_async._session.in_flight import InFlightCall, Standing
from bluma_async._wire.call import Safety
from bluma_async._wire.messages import Request

if TYPE_CHECKING:
    from datetime import datetime

    from bluma_async._session.session import Session

__all__ = ["find_start", "open_stand_in"]


def find_start(session: Session) -> datetime | None:
    """Return the earlier of the server's clock and this machine's: a create that begins now is not older."""
    clock = session.shared.clock
    known = (session.shared.server_clock.at(clock.now()), local_time(clock))
    return min((time for time in known if time is not None), default=None)


def open_stand_in(
    session: Session, request_key: str, template_id: str | None, started_at: datetime | None, *, is_accepted: bool
) -> InFlightCall:
    """
    Open a call that stands for the one of another process. Its request may have been on its way until now.

    It has no floor: those of this process are newer than the create.
    """
    now = session.shared.clock.now()
    request = Request("POST", f"{session.options.base_url}/videos", {"Idempotency-Key": request_key})
    call = InFlightCall(request, now, None, Safety.COSTS_MONEY, template_id)
    call.server_date, call.local_time = started_at, started_at
    call.last_sent = now
    call.standing = Standing.ACCEPTED if is_accepted else Standing.UNCERTAIN
    session.evidence.add_earlier(call)
    return call
