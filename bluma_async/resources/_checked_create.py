"""The create of a single video: check it, look whether it was bought before, send it, and learn its price."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from bluma_async.resources._certain_create import CertainCreate
from bluma_async.resources._checking import check_create
from bluma_async.resources._creating import create_call

if TYPE_CHECKING:
    from bluma_async._session.session import Session
    from bluma_async._wire.call import Call
    from bluma_async.resources._creating import CreateArguments
    from bluma_async.types import Video

__all__ = ["create_checked"]


async def create_checked(session: Session, arguments: CreateArguments, idempotency_key: str | None = None) -> Video:
    """
    Create a video, and return it.

    Raises:
        InvalidArgumentError: An argument is invalid. Nothing was sent.
        BlumaError: The create failed, or its outcome is not known.
    """
    call = create_call(arguments, idempotency_key)
    await check_create(session, arguments)
    if session.options.reuse is None:
        return await _send(session, arguments, call)
    return await _create_once(session, arguments, call)


async def _create_once(session: Session, arguments: CreateArguments, call: Call[Video]) -> Video:
    """Return the video that was bought before for the content of a create, or else create it."""
    from bluma_async.resources._reuse import ContentReuse, hash_content  # noqa: PLC0415 - few programs need it

    reuse, content = ContentReuse(session), hash_content(json.loads(call.body or b"{}"))
    if content is None or arguments.template_id is None:
        return await _send(session, arguments, call)
    async with reuse.turn(content):
        video = await reuse.find(content, arguments.template_id)
        if video is None:
            video = await _send(session, arguments, call)
            await reuse.record(content, video.id)
    return video


async def _send(session: Session, arguments: CreateArguments, call: Call[Video]) -> Video:
    video = await session.send(call, reconciler=CertainCreate(session))
    session.shared.prices.learn_charge(session.options, video, arguments.variant_id, arguments.resolution)
    return video
