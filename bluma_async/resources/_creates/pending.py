"""
Record each create of a content before it is sent, so that no program buys the content while its outcome is not known.

Rule 1: the record is written in the content's turn, before the request is sent. If it cannot be written, nothing is
sent. It ends with the video, or when the create certainly was not sent or not accepted.
Rule 2: a record whose turn is free belongs to a create that no task works on. It is searched for as `settle` does. Its
program may have ended just now, so its request counts as on its way until now: no clock decides how old it is.
Rule 3: such a create adopts no video, whatever the options say: the time of its request has no end, so that the video
of any later create could be its own. With `shared`, the database knows the later creates, and two recorded ones of a
template adopt none.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timezone
from typing import TYPE_CHECKING, AsyncGenerator, List, Sequence

from bluma_async._runtime.tasks import finish
from bluma_async._runtime.threads import in_thread
from bluma_async._session.content_turns import ContentBusyError
from bluma_async._session.in_flight import Standing
from bluma_async.errors import AmbiguousCreateError, BlumaError
from bluma_async.resources._creates.outcome import settle_call
from bluma_async.resources._creates.reuse import ContentReuse, open_index
from bluma_async.resources._creates.showing import show_create
from bluma_async.resources._creates.stand_in import find_start, open_stand_in
from bluma_async.resources._sharing import find_account
from bluma_async.stores.contents import PendingCreate
from bluma_async.types import CreateResult, SettledCreate

if TYPE_CHECKING:
    from bluma_async._session.in_flight import InFlightCall
    from bluma_async._session.session import Session

__all__ = ["begin_pending", "pending", "settle_all_pending", "settle_pending"]


@asynccontextmanager
async def pending(session: Session, content: str, request_key: str, template_id: str) -> AsyncGenerator[None, None]:
    """
    Keep the record of a create for as long as the block sends it, and afterwards if its outcome is not known.

    The block records the video of a create that succeeds.

    Raises:
        BlumaError: The index cannot be written. Nothing was sent.
    """
    made_before = session.evidence.find_created(request_key)  # callers may use a header twice
    try:
        await begin_pending(session, content, request_key, template_id)
        yield
    except BaseException as failure:
        made = session.evidence.find_created(request_key)
        if made is not None and made != made_before:  # interrupted after the answer
            await finish(ContentReuse(session).record(content, made))
        else:
            await finish(_record_failure(session, content, request_key, failure))
        raise


async def begin_pending(session: Session, content: str, request_key: str, template_id: str) -> None:
    """
    Record a create that is about to be sent.

    Raises:
        BlumaError: The index cannot be written. Nothing was sent.
    """
    start = find_start(session)
    create = PendingCreate(content, request_key, template_id, None if start is None else start.timestamp())
    await in_thread(open_index(session).begin, create)


async def _record_failure(session: Session, content: str, request_key: str, failure: BaseException) -> None:
    """Record what is known of a create that has failed. The outcome of an open one is not known."""
    reuse = ContentReuse(session)
    calls = reuse.list_open(content)
    is_in_doubt = bool(calls) or isinstance(failure, AmbiguousCreateError)
    # Another process may have taken over a create with `shared` that was cancelled.
    is_left = session.coordinator is not None and not isinstance(failure, BlumaError)
    if any(call.standing is Standing.ACCEPTED for call in calls) or getattr(failure, "accepted", False):
        with suppress(BlumaError):  # it stays recorded as one that may have been accepted
            await in_thread(open_index(session).note_accepted, content)
    elif not is_in_doubt and not is_left:
        await reuse.end(content, request_key)


async def settle_pending(session: Session, content: str) -> SettledCreate | None:
    """
    Settle the recorded create of a content within the deadline of the client; None without one, or if it is open here.

    The caller has the turn of the content.

    Raises:
        BlumaError: The index cannot be read.
    """
    creates = await _list_pending(session)
    create = next((one for one in creates if one.content == content), None)
    if create is None:
        return None
    deadline = session.options.deadline
    ends = None if deadline is None else session.shared.clock.now() + deadline
    return await _settle(session, create, ends, is_alone=_is_alone(create, creates))


async def settle_all_pending(session: Session) -> List[SettledCreate]:
    """
    Settle the recorded creates of other programs that have ended, at the same time.

    Raises:
        BlumaError: The index cannot be read.
    """
    creates = await _list_pending(session)
    ends = await asyncio.gather(*(_settle_in_turn(session, one, creates) for one in creates), return_exceptions=True)
    for end in ends:
        if isinstance(end, BaseException):
            raise end
    return [end for end in ends if isinstance(end, SettledCreate)]


async def _list_pending(session: Session) -> List[PendingCreate]:
    """Return the recorded creates that are not open in this process."""
    opened = {call.content for call in session.evidence.open_calls}
    return [create for create in await ContentReuse(session).list_pending() if create.content not in opened]


async def _settle_in_turn(
    session: Session, create: PendingCreate, creates: Sequence[PendingCreate]
) -> SettledCreate | None:
    """Settle a create, unless a program works on it, or has determined its outcome meanwhile."""
    try:
        async with session.shared.content_turns.acquire(create.content, 0.0):
            if create in await _list_pending(session):
                return await _settle(session, create, None, is_alone=_is_alone(create, creates))
    except ContentBusyError:
        pass
    return None


async def _settle(session: Session, create: PendingCreate, ends: float | None, *, is_alone: bool) -> SettledCreate:
    """Search for the video of a create, and record the outcome."""
    for video_id in await in_thread(open_index(session).list_videos):
        session.evidence.mark_known(video_id)
    call = _open_call(session, create, ends)
    try:
        if session.coordinator is not None and find_account(session) is None:  # the creates of its jobs alone are known
            return SettledCreate(create=show_create(call), result=CreateResult.IN_DOUBT)
        is_explained = session.coordinator is not None and is_alone
        searching = session if is_explained else session.with_options({"exclusive": False, "on_ambiguous": "reconcile"})
        settled = await settle_call(searching, call)
        if settled.video is not None:
            await ContentReuse(session).record(create.content, settled.video.id)
        elif settled.result == CreateResult.NOT_ACCEPTED:
            await ContentReuse(session).end(create.content, create.request_key)
        return settled
    finally:
        session.evidence.remove(call)


def _is_alone(create: PendingCreate, creates: Sequence[PendingCreate]) -> bool:
    return all(one == create or one.template_id != create.template_id for one in creates)


def _open_call(session: Session, create: PendingCreate, ends: float | None) -> InFlightCall:
    started_at = None if create.started_at is None else datetime.fromtimestamp(create.started_at, timezone.utc)
    call = open_stand_in(
        session, create.request_key, create.template_id, started_at, is_accepted=create.is_accepted == 1
    )
    call.ends, call.is_attended = ends, True
    call.video_id = session.evidence.find_created(create.request_key)  # its video could not be recorded
    return call
