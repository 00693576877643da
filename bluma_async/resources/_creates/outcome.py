"""Determine the outcome of one open create, and read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bluma_async._wire.retry import Reconcile
from bluma_async.errors import AmbiguousCreateError, BlumaError, NetworkError
from bluma_async.resources._creates.certain import CertainCreate
from bluma_async.resources._creates.showing import show_create
from bluma_async.resources._videos.calls import get_call
from bluma_async.types import CreateResult, SettledCreate, Video

if TYPE_CHECKING:
    from bluma_async._session.in_flight import InFlightCall
    from bluma_async._session.session import Session

__all__ = ["find_video_id", "settle_call"]

INTERRUPTED = "The create was interrupted, or its answer was lost."


async def settle_call(session: Session, call: InFlightCall) -> SettledCreate:
    """
    Settle one create: `settle_time` after its request can have been on its way, or as soon as its video is found.

    One that was accepted is left open. One that was not is closed: nothing was paid, and it claims no video any more.
    """
    create = show_create(call)
    try:
        if call.video_id is not None:
            video: Video | None = await _read(session, call.video_id)
            return SettledCreate(create=create, result=CreateResult.ACCEPTED, video=video)
        failure = NetworkError(INTERRUPTED, attempts=call.attempts)
        found = await CertainCreate(session).reconcile(call, failure, Reconcile(0.0))
    except AmbiguousCreateError as error:
        return SettledCreate(create=create, result=CreateResult.IN_DOUBT, candidates=error.candidates)
    if found is not None:
        return SettledCreate(create=create, result=CreateResult.ACCEPTED, video=found)
    session.evidence.remove(call)
    return SettledCreate(create=create, result=CreateResult.NOT_ACCEPTED)


def find_video_id(settled: SettledCreate) -> str | None:
    """Return the video that a create became; None if it was not accepted, or is in doubt."""
    if settled.result != CreateResult.ACCEPTED:
        return None
    return settled.create.video_id if settled.video is None else settled.video.id


async def _read(session: Session, video_id: str) -> Video | None:
    """Return a video; None if it cannot be read now. Its id is known, and that is enough to wait for it."""
    try:
        return await session.send(get_call(video_id, session.evidence))
    except BlumaError:
        return None
