"""Settle open creates in agreement with other processes: those of this one, and those that dead ones have left."""

from __future__ import annotations

from typing import TYPE_CHECKING, Awaitable, Callable, List, Sequence

from bluma_async.resources._creates.lost import settle_all_lost
from bluma_async.resources._creates.showing import show_create
from bluma_async.types import CreateResult, OpenCreateState, SettledCreate

if TYPE_CHECKING:
    from bluma_async._session.in_flight import InFlightCall
    from bluma_async._session.session import Session
    from bluma_async.sharing.coordinator import AccountCoordinator
    from bluma_async.stores.creates import SharedCreates

__all__ = ["add_lost", "settle_recorded"]

Settle = Callable[["InFlightCall"], Awaitable[SettledCreate]]


async def settle_recorded(
    session: Session, account: AccountCoordinator, creates: SharedCreates, settle: Settle, call: InFlightCall
) -> SettledCreate:
    """Settle a create of this process, and record its outcome."""
    number = account.find_number(call)
    if number is not None and await creates.is_released(number, call.key or ""):
        session.evidence.remove(call)
        return SettledCreate(create=show_create(call), result=CreateResult.NOT_ACCEPTED)
    settled = await settle(call)
    if number is not None and not await _record(creates, number, call.key or "", settled):
        session.evidence.disown(call.key, call.video_id or "")
        session.evidence.remove(call)  # the database has it, and it is searched for with those of dead processes
        return SettledCreate(create=settled.create, result=CreateResult.IN_DOUBT)
    return settled


async def add_lost(session: Session, creates: SharedCreates, own: Sequence[SettledCreate]) -> List[SettledCreate]:
    """Settle the creates that no process works on, and return their results with those of this process."""
    lost = await settle_all_lost(session, creates)
    settled_later = {one.create.idempotency_key for one in lost}
    return [*(one for one in own if one.create.idempotency_key not in settled_later), *lost]


async def _record(creates: SharedCreates, number: int, request_key: str, settled: SettledCreate) -> bool:
    """Record the outcome of a create of this process, as long as it is the same attempt; False if it is refused."""
    is_accepted, video = settled.create.state == OpenCreateState.ACCEPTED, settled.video
    video_id = settled.create.video_id if video is None else video.id
    if video_id is not None:  # a video whose id is known cannot always be read now
        return await creates.bill(number, video_id, 0 if video is None else video.credits_charged)
    if settled.result == CreateResult.NOT_ACCEPTED:
        await creates.release(number, request_key)
    elif settled.candidates:
        names = [video.id for video in settled.candidates]
        await creates.doubt(number, names, is_accepted=is_accepted, request_key=request_key)
    elif is_accepted:
        await creates.note_accepted(number, request_key)
    return True
