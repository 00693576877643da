"""Settle creates that no living process works on: their intents are in a database, and their outcome is not known."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Awaitable, Callable, List

from bluma_async._runtime.log import logger
from bluma_async._session.in_flight import Standing, ambiguous_create
from bluma_async._wire.retry import Reconcile
from bluma_async.errors import AmbiguousCreateError, NetworkError
from bluma_async.resources._creates.certain import CertainCreate
from bluma_async.resources._creates.stand_in import open_stand_in
from bluma_async.sharing.coordinator import AccountCoordinator
from bluma_async.types import CreateResult, OpenCreate, OpenCreateState, SettledCreate, Video, VideoStatus

if TYPE_CHECKING:
    from bluma_async._session.in_flight import InFlightCall
    from bluma_async._session.session import Session
    from bluma_async.stores.creates import LostCreate, SharedCreates

__all__ = ["settle_all_lost", "settle_lost"]

PAUSE = 30.0  # seconds before an open create is searched for again, after its list could not be read
INTERRUPTED = (
    "settle() was interrupted. The create %s of a dead process became video %s, which is paid; wait for its id."
)


async def settle_all_lost(session: Session, creates: SharedCreates) -> List[SettledCreate]:
    """Settle the creates without a job that dead processes have left open, as far as a search can settle them now."""
    settled: List[SettledCreate] = []
    try:
        while (lost := await creates.claim_lost()) is not None:
            settled.append(await _settle_claimed(session, creates, lost))
    except BaseException:  # these creates are not open any more, so no later `settle` returns them
        for one in settled:
            if one.video is not None:
                logger.warning(INTERRUPTED, one.create.idempotency_key, one.video.id)
        raise
    return settled


async def _settle_claimed(session: Session, creates: SharedCreates, lost: LostCreate) -> SettledCreate:
    shown = OpenCreate(
        idempotency_key=lost.request_key,
        template_id=lost.template_id,
        started_at=lost.started_at,
        state=OpenCreateState.ACCEPTED if lost.is_accepted else OpenCreateState.UNCERTAIN,
    )
    try:
        video = await settle_lost(session, None, creates, lost)
    except AmbiguousCreateError as error:
        return SettledCreate(create=shown, result=CreateResult.IN_DOUBT, candidates=error.candidates)
    result = CreateResult.NOT_ACCEPTED if video is None else CreateResult.ACCEPTED
    return SettledCreate(create=shown, result=result, video=video)


async def settle_lost(
    session: Session, coordinator: AccountCoordinator | None, creates: SharedCreates, lost: LostCreate
) -> Video | None:
    """
    Record the outcome of a create that this process has claimed, and return its video; None if it was not accepted.

    Raises:
        AmbiguousCreateError: It is in doubt; or the list could not be read, and it stays open.
    """
    if coordinator is None and isinstance(session.coordinator, AccountCoordinator):
        coordinator = session.coordinator
    own = None if coordinator is None else coordinator.find_open(session.evidence, lost.number)
    call = own or _stand_in(session, coordinator, lost)
    call.is_attended = True
    try:
        video = await _find(session, creates, lost, call)
    finally:
        call.is_attended = False
        if own is None:  # it is open in the database, or not at all
            session.evidence.remove(call)
    session.evidence.remove(call)
    work: Callable[[], Awaitable[object]] = partial(creates.release, lost.number)
    if video is not None:
        work = partial(creates.bill, lost.number, video.id, video.credits_charged)
    recorded = await (work() if coordinator is None else coordinator.record(work, lost.request_key))
    if recorded is False and video is not None:
        session.evidence.disown(lost.request_key, video.id)
        call.video_id, call.standing = None, _find_standing(lost)
        failure = NetworkError(f"The create {lost.request_key} was interrupted.")
        raise ambiguous_create(call, failure, because="the video that was found is that of another create")
    return video


async def _find(session: Session, creates: SharedCreates, lost: LostCreate, call: InFlightCall) -> Video | None:
    """Return the video of a create; record why it is not known, if it is not."""
    known = session.evidence.find_created(lost.request_key)
    if known is not None:  # by a search for the content: a second one would not take it for a candidate
        charged = session.evidence.find_charge(known)
        template_id = lost.template_id or ""
        return Video(id=known, status=VideoStatus.QUEUED, template_id=template_id, credits_charged=charged)
    failure = NetworkError(f"The create {lost.request_key} was interrupted.")
    try:
        is_plain = lost.place is None or lost.template_id is None
        preset = None if is_plain else await creates.read_preset(lost.template_id or "")
        return await CertainCreate(session, preset).reconcile(call, failure, Reconcile(0.0))
    except AmbiguousCreateError as error:
        if error.candidates or error.accepted:
            names = [candidate.id for candidate in error.candidates]
            await creates.doubt(lost.number, names, is_accepted=error.accepted)
        else:
            await creates.abandon(lost.number, PAUSE)
        raise
    except BaseException:
        await creates.abandon(lost.number)
        raise


def _stand_in(session: Session, coordinator: AccountCoordinator | None, lost: LostCreate) -> InFlightCall:
    """Return an open call that stands for the one of a dead process."""
    call = open_stand_in(session, lost.request_key, lost.template_id, lost.started_at, is_accepted=lost.is_accepted)
    call.last_sent = session.shared.clock.now() - session.options.settle_time  # by the database's clock, it is older
    if coordinator is not None:
        coordinator.note_number(call, lost.number)
    return call


def _find_standing(lost: LostCreate) -> Standing:
    return Standing.ACCEPTED if lost.is_accepted else Standing.UNCERTAIN
