"""List the creates of an account whose outcome is not known, and settle those that no task works on."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, List

from bluma_async._session.in_flight import Standing
from bluma_async._wire.retry import Reconcile
from bluma_async.errors import AmbiguousCreateError, BlumaError, NetworkError
from bluma_async.resources._certain_create import CertainCreate
from bluma_async.resources._video_calls import get_call
from bluma_async.types import CreateResult, OpenCreate, OpenCreateState, SettledCreate, Video

if TYPE_CHECKING:
    from bluma_async._session.in_flight import InFlightCall
    from bluma_async._session.session import Session

__all__ = ["list_open_creates", "settle_creates"]

STATES = {
    Standing.NOT_SENT: OpenCreateState.IN_FLIGHT,
    Standing.IN_FLIGHT: OpenCreateState.IN_FLIGHT,
    Standing.UNCERTAIN: OpenCreateState.UNCERTAIN,
    Standing.ACCEPTED: OpenCreateState.ACCEPTED,
}
INTERRUPTED = "The create was interrupted, or its answer was lost."


def list_open_creates(session: Session) -> List[OpenCreate]:
    """Return the creates of this account that this process has sent and whose outcome is not known, oldest first."""
    return [_show(call) for call in session.evidence.open_calls]


async def settle_creates(session: Session) -> List[SettledCreate]:
    """
    Determine the outcome of each create that was interrupted, or whose answer was lost. Those in flight continue.

    A create that is settled is not open any more, unless it is in doubt. With `shared`, those that dead processes have
    left open are settled too.
    """
    calls = [call for call in session.evidence.open_calls if not call.is_attended]
    if session.coordinator is None:
        return list(await asyncio.gather(*(_settle(session, call) for call in calls)))
    from bluma_async.resources._shared_settling import settle_shared  # noqa: PLC0415 - few programs need it

    return await settle_shared(session, calls, _settle)


async def _settle(session: Session, call: InFlightCall) -> SettledCreate:
    """Settle one create: `settle_time` after its request can have been on its way, or as soon as its video is found."""
    create, call.is_attended = _show(call), True
    try:
        if call.video_id is not None:
            video: Video | None = await _read(session, call.video_id)
        else:
            failure = NetworkError(INTERRUPTED, attempts=call.attempts)
            found = await CertainCreate(session).reconcile(call, failure, Reconcile(0.0))
            if found is None:
                session.evidence.remove(call)
                return SettledCreate(create=create, result=CreateResult.NOT_ACCEPTED)
            video = found
    except AmbiguousCreateError as error:
        return SettledCreate(create=create, result=CreateResult.IN_DOUBT, candidates=error.candidates)
    finally:
        call.is_attended = False
    session.evidence.remove(call)
    return SettledCreate(create=create, result=CreateResult.ACCEPTED, video=video)


async def _read(session: Session, video_id: str) -> Video | None:
    """Return a video; None if it cannot be read now. Its id is known, and that is enough to wait for it."""
    try:
        return await session.send(get_call(video_id))
    except BlumaError:
        return None


def _show(call: InFlightCall) -> OpenCreate:
    return OpenCreate(
        idempotency_key=call.key or "",
        template_id=call.template_id,
        started_at=call.server_date or call.local_time,
        state=STATES[call.standing],
        video_id=call.video_id,
    )
