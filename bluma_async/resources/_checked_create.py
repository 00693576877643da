"""The create of a single video: check it, send it, and learn from what it has charged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bluma_async.resources._certain_create import CertainCreate
from bluma_async.resources._checking import check_create
from bluma_async.resources._creating import create_call

if TYPE_CHECKING:
    from bluma_async._session.session import Session
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
    call = create_call(*arguments, idempotency_key)
    await check_create(session, arguments)
    video = await session.send(call, reconciler=CertainCreate(session))
    session.shared.prices.learn_charge(session.options, video, arguments.variant_id, arguments.resolution)
    return video
