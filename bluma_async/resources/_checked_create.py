"""The create of a single video: check it, look whether it was bought before, send it, and learn its price."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from bluma_async.resources._checking import check_create
from bluma_async.resources._creating import create_call
from bluma_async.resources._paid_create import begin_shared, send_create

if TYPE_CHECKING:
    from bluma_async._session.session import Session
    from bluma_async._wire.call import Call
    from bluma_async.resources._creating import CreateArguments
    from bluma_async.types import Video

__all__ = ["create_checked"]


async def create_checked(
    session: Session, arguments: CreateArguments, idempotency_key: str | None = None, key: str | None = None
) -> Video:
    """
    Create a video, and return it.

    Args:
        session: What to send with.
        arguments: The arguments, checked.
        idempotency_key: The `Idempotency-Key` header.
        key: The caller's own key of this create, which all processes know; None without one.

    Raises:
        InvalidArgumentError: An argument is invalid. Nothing was sent.
        BlumaError: The create failed, or its outcome is not known.
    """
    call = create_call(arguments, idempotency_key)
    await check_create(session, arguments)
    if session.options.reuse is None:
        return await _send(session, arguments, call, key)
    return await _create_once(session, arguments, call, key)


async def _create_once(session: Session, arguments: CreateArguments, call: Call[Video], key: str | None) -> Video:
    """Return the video that was bought before for the content of a create, or else create it."""
    from bluma_async.resources._reuse import ContentReuse, hash_content  # noqa: PLC0415 - few programs need it

    reuse, content = ContentReuse(session), hash_content(json.loads(call.body or b"{}"))
    if content is None or arguments.template_id is None:
        return await _send(session, arguments, call, key)
    named = None if key is None else begin_shared(session, call, key)
    video = None if named is None else await named.find()
    if video is not None:
        return video
    async with reuse.turn(content):
        video = await reuse.find(content, arguments.template_id)
        if video is None:
            video = await _send(session, arguments, call, key)
            await reuse.record(content, video.id)
        elif named is not None:
            video = await named.name_video(video)
    return video


async def _send(session: Session, arguments: CreateArguments, call: Call[Video], key: str | None) -> Video:
    shared = None if key is None else begin_shared(session, call, key)
    video = await (send_create(session, call) if shared is None else shared.run())
    session.shared.prices.learn_charge(session.options, video, arguments.variant_id, arguments.resolution)
    return video
