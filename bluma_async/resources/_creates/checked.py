"""The create of a single video: check it, look whether it was bought before, send it, and learn its price."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, List

from bluma_async._runtime.clock import local_time
from bluma_async._runtime.paid_ids import PaidId
from bluma_async._session.in_flight import ambiguous_create
from bluma_async.errors import BlumaError
from bluma_async.resources._creates.call import create_call
from bluma_async.resources._creates.checking import check_create
from bluma_async.resources._creates.paid import begin_shared, send_create
from bluma_async.types import CreateResult

if TYPE_CHECKING:
    from bluma_async._session.in_flight import InFlightCall
    from bluma_async._session.session import Session
    from bluma_async._wire.call import Call
    from bluma_async.resources._creates.call import CreateArguments
    from bluma_async.resources._creates.reuse import ContentReuse
    from bluma_async.types import SettledCreate, Video

__all__ = ["create_checked"]

OPEN = (
    "An earlier create of the same content has an unknown outcome, and this one was not sent; leave out "
    'reuse="content" to buy the content all the same.'
)


async def create_checked(
    session: Session,
    arguments: CreateArguments,
    idempotency_key: str | None = None,
    key: str | None = None,
    *,
    content: str | None = None,
) -> Video:
    """
    Create a video, and return it.

    Args:
        session: What to send with.
        arguments: The arguments, checked.
        idempotency_key: The `Idempotency-Key` header.
        key: The caller's own key of this create, which all processes know; None without one.
        content: The hash of its content, if the caller has already looked for a video of it.

    Raises:
        InvalidArgumentError: An argument is invalid. Nothing was sent.
        BlumaError: The create failed, or its outcome is not known.
    """
    call = create_call(arguments, idempotency_key)
    call.content = content
    await check_create(session, arguments)
    if session.options.reuse is None:
        return await _send(session, arguments, call, key)
    return await _create_once(session, arguments, call, key)


async def _create_once(session: Session, arguments: CreateArguments, call: Call[Video], key: str | None) -> Video:
    """Return the video that was bought before for the content of a create, or else create it."""
    from bluma_async._wire.content import hash_content  # noqa: PLC0415 - few programs need it
    from bluma_async.resources._creates.reuse import ContentReuse  # noqa: PLC0415 - the same

    content, began = hash_content(json.loads(call.body or b"{}")), session.shared.clock.now()
    if content is None or arguments.template_id is None:
        return await _send(session, arguments, call, key)
    call.content = content
    named = None if key is None else begin_shared(session, call, key)
    video = None if named is None else await named.find()
    if video is not None:
        return video
    reuse = ContentReuse(session, began)
    async with reuse.turn(content):
        video = await reuse.find(content, arguments.template_id)
        video = video or await _settle_open(reuse, content, arguments.template_id)
        session = reuse.limited
        if video is None:
            video = await _send(session, arguments, call, key)
            await reuse.record(content, video.id)
        elif named is not None:
            video = await named.name_video(video) or await _send(session, arguments, call, key)
    return video


async def _settle_open(reuse: ContentReuse, content: str, template_id: str) -> Video | None:
    """
    Return the video of an earlier create of this content, once its outcome is known; None if there is none to use.

    Raises:
        AmbiguousCreateError: Its outcome cannot be determined. Nothing was bought.
        BlumaError: Its video or file cannot be read; the error has its `video_id`. Nothing was bought.
    """
    for call in reuse.list_open(content):
        settled = [] if call.is_attended else await _settle_in_time(reuse, call)  # else `settle` works on it
        found = next((one for one in settled if one.create.idempotency_key == call.key), None)
        if found is None or found.result == CreateResult.IN_DOUBT:
            raise ambiguous_create(call, BlumaError(OPEN, status=503), found.candidates if found is not None else ())
        video = await _use_settled(reuse, found, content, template_id)
        if video is not None:
            return video
    return None


async def _use_settled(reuse: ContentReuse, settled: SettledCreate, content: str, template_id: str) -> Video | None:
    """Return the video of a settled create if it can be used, by the checks of every video that is reused."""
    from bluma_async.stores.contents import KnownVideo  # noqa: PLC0415 - loads SQLite, which few programs need

    video_id = settled.create.video_id if settled.video is None else settled.video.id
    if settled.result != CreateResult.ACCEPTED or video_id is None:
        return None
    with PaidId(video_id):
        now = local_time(reuse.limited.shared.clock)
        # Not read from the index: a video that could not be recorded there is paid all the same.
        known = KnownVideo(video_id, 0.0 if now is None else now.timestamp())
        return await reuse.use(known, content, template_id)


async def _settle_in_time(reuse: ContentReuse, call: InFlightCall) -> List[SettledCreate]:
    """Settle an earlier create within the deadline of this one."""
    from bluma_async.resources._creates.settling import settle_calls  # noqa: PLC0415 - few programs need it

    session, ends = reuse.limited, call.ends
    deadline = session.options.deadline
    call.ends = None if deadline is None else session.shared.clock.now() + deadline
    try:
        return await settle_calls(session, [call])
    finally:
        call.ends = ends


async def _send(session: Session, arguments: CreateArguments, call: Call[Video], key: str | None) -> Video:
    shared = None if key is None else begin_shared(session, call, key)
    video = await (send_create(session, call) if shared is None else shared.run())
    session.shared.prices.learn_charge(session.options, video, arguments.variant_id, arguments.resolution)
    return video
