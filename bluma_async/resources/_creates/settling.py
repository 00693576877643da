"""
List the creates of an account whose outcome is not known, and settle those that no task works on.

Rule 1: a create that became a video stays open, with its id, until the caller has its result. If a
`settle` is interrupted, or a hook raises, the caller has no results. The next `settle` returns them.
Rule 2: a video is recorded for its content before its create is closed, so that no create buys the content meanwhile.
Rule 3: all searches end before an exception of one of them is raised.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Awaitable, Callable, List, Sequence

from bluma_async._runtime.log import logger
from bluma_async._runtime.paid_ids import report_if_dropped
from bluma_async.errors import BlumaError
from bluma_async.resources._creates.outcome import find_video_id, settle_call
from bluma_async.resources._creates.showing import show_create
from bluma_async.resources._sharing import find_account
from bluma_async.types import CreateResult, OpenCreate, SettledCreate

if TYPE_CHECKING:
    from bluma_async._session.in_flight import InFlightCall
    from bluma_async._session.session import Session

__all__ = ["list_open_creates", "settle_calls", "settle_creates"]

Settle = Callable[["InFlightCall"], Awaitable[SettledCreate]]


def list_open_creates(session: Session) -> List[OpenCreate]:
    """Return the creates of this account that this process has sent and whose outcome is not known, oldest first."""
    return [show_create(call) for call in session.evidence.open_calls]


async def settle_creates(session: Session) -> List[SettledCreate]:
    """
    Determine the outcome of each create that was interrupted, or whose answer was lost. Those in flight continue.

    A create that is settled is not open any more, unless it is in doubt. With `shared`, those that dead processes have
    left open are settled too; with `reuse`, also those of other programs on this machine that have ended.
    """
    recorded = await _settle_recorded(session) if session.options.reuse is not None else []
    settled = await settle_calls(session, [call for call in session.evidence.open_calls if not call.is_attended])
    for video_id in filter(None, map(find_video_id, settled)):
        report_if_dropped(video_id)
    return [*settled, *recorded]


async def settle_calls(session: Session, calls: Sequence[InFlightCall]) -> List[SettledCreate]:
    """
    Determine the outcomes of creates of this process; with `shared`, also of those that dead processes have left.

    The creates are attended until their results are returned, so that nobody else gets them too.
    """
    for call in calls:
        call.is_attended = True
    try:
        return await _settle_all(session, calls)
    finally:
        for call in calls:
            call.is_attended = False


async def _settle_all(session: Session, calls: Sequence[InFlightCall]) -> List[SettledCreate]:
    account, settle = find_account(session), partial(settle_call, session)
    if account is None:
        settled = own = await _settle_each(session, calls, settle)
    else:
        from bluma_async.resources._creates import shared_settling  # noqa: PLC0415 - few programs need it

        creates = await account.creates()
        recorded = partial(shared_settling.settle_recorded, session, account, creates, settle)
        own = await _settle_each(session, calls, recorded)
        settled = await shared_settling.add_lost(session, creates, own)
    for call, one in zip(calls, own):  # nothing is awaited from here on, so nothing interrupts it
        if one.result == CreateResult.ACCEPTED:
            session.evidence.remove(call)
    return settled


async def _settle_each(session: Session, calls: Sequence[InFlightCall], settle: Settle) -> List[SettledCreate]:
    """Settle creates at the same time, and record the videos of those with `reuse`."""

    async def settle_one(call: InFlightCall) -> SettledCreate:
        settled = await settle(call)
        await _remember(session, call, settled)
        return settled

    ends = await asyncio.gather(*(settle_one(call) for call in calls), return_exceptions=True)
    for end in ends:
        if isinstance(end, BaseException):
            raise end
    return [end for end in ends if not isinstance(end, BaseException)]


async def _settle_recorded(session: Session) -> List[SettledCreate]:
    from bluma_async.resources._creates.pending import settle_all_pending  # noqa: PLC0415 - few programs need it

    try:
        return await settle_all_pending(session)
    except BlumaError as problem:  # the creates of this process are settled all the same
        logger.warning("The creates of other programs could not be settled: %s", problem)
        return []


async def _remember(session: Session, call: InFlightCall, settled: SettledCreate) -> None:
    """Record the video of a create with `reuse`, so that its content is not bought again, or that there is none."""
    video_id = find_video_id(settled)
    if call.content is None or settled.result == CreateResult.IN_DOUBT:
        return
    from bluma_async.resources._creates.reuse import ContentReuse  # noqa: PLC0415 - few programs need it

    reuse = ContentReuse(session)
    if video_id is not None:
        await reuse.record(call.content, video_id)
    elif settled.result == CreateResult.NOT_ACCEPTED:
        await reuse.end(call.content, call.key)
