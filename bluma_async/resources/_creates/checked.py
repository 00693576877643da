"""The create of a single video: check it, look whether it was bought before, send it, and learn its price."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING

from bluma_async.resources._creates.call import create_call
from bluma_async.resources._creates.checking import check_create
from bluma_async.resources._creates.paid import begin_shared, send_create

if TYPE_CHECKING:
    from bluma_async._session.session import Session
    from bluma_async._wire.call import Call
    from bluma_async.resources._creates.call import CreateArguments
    from bluma_async.types import Video

__all__ = ["create_checked"]


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
    from bluma_async.resources._creates.earlier import settle_earlier  # noqa: PLC0415 - loads SQLite
    from bluma_async.resources._creates.pending import pending  # noqa: PLC0415 - the same
    from bluma_async.resources._creates.reuse import ContentReuse  # noqa: PLC0415 - the same

    content, began = hash_content(json.loads(call.body or b"{}")), session.shared.clock.now()
    if content is None or arguments.template_id is None:
        return await _send(session, arguments, call, key)
    call.content, call.idempotency_key = content, call.idempotency_key or uuid.uuid4().hex
    named = None if key is None else begin_shared(session, call, key)
    video = None if named is None else await named.find()
    if video is not None:
        return video
    reuse = ContentReuse(session, began)
    async with reuse.turn(content):
        video = await reuse.find(content, arguments.template_id)
        video = video or await settle_earlier(reuse, content, arguments.template_id)
        session = reuse.limited
        if video is None:
            async with pending(session, content, call.idempotency_key, arguments.template_id):
                video = await _send(session, arguments, call, key)
                await reuse.record(content, video.id)
        elif named is not None:
            video = await named.name_video(video) or await _send(session, arguments, call, key)
    return video


async def _send(session: Session, arguments: CreateArguments, call: Call[Video], key: str | None) -> Video:
    shared = None if key is None else begin_shared(session, call, key)
    video = await (send_create(session, call) if shared is None else shared.run())
    session.shared.prices.learn_charge(session.options, video, arguments.variant_id, arguments.resolution)
    return video
