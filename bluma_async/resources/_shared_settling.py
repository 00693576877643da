"""Settle open creates in agreement with other processes: those of this one, and those that dead ones have left."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Awaitable, Callable, List, Sequence

from bluma_async.resources._lost_creates import settle_all_lost
from bluma_async.sharing.coordinator import AccountCoordinator
from bluma_async.types import CreateResult, SettledCreate

if TYPE_CHECKING:
    from bluma_async._session.in_flight import InFlightCall
    from bluma_async._session.session import Session
    from bluma_async.stores.creates import SharedCreates

__all__ = ["settle_shared"]

Settle = Callable[["Session", "InFlightCall"], Awaitable[SettledCreate]]


async def settle_shared(session: Session, calls: Sequence[InFlightCall], settle: Settle) -> List[SettledCreate]:
    """Settle these creates of this process and record their outcomes; then those that no process works on."""
    coordinator = session.coordinator
    if not isinstance(coordinator, AccountCoordinator):
        return list(await asyncio.gather(*(settle(session, call) for call in calls)))
    creates = await coordinator.creates()

    async def settle_one(call: InFlightCall) -> SettledCreate:
        settled = await settle(session, call)
        await _record(creates, coordinator.find_number(call), settled)
        return settled

    own = list(await asyncio.gather(*(settle_one(call) for call in calls)))
    return own + await settle_all_lost(session, creates)


async def _record(creates: SharedCreates, number: int | None, settled: SettledCreate) -> None:
    """Record the outcome of a create of this process, unless another one has claimed it meanwhile."""
    if number is None:
        return
    if settled.result == CreateResult.NOT_ACCEPTED:
        await creates.release(number)
    elif settled.result == CreateResult.ACCEPTED and settled.video is not None:
        await creates.bill(number, settled.video.id, settled.video.credits_charged)
    elif settled.candidates:
        await creates.doubt(number, [video.id for video in settled.candidates], is_accepted=False)
