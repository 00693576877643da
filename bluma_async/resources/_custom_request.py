"""Requests to endpoints that the SDK has no method for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, List, Mapping

import attrs

from bluma_async._runtime.paid_ids import report_if_dropped
from bluma_async._wire.call import Call, Safety
from bluma_async._wire.codec import One
from bluma_async._wire.custom_call import custom_call, find_template, is_create
from bluma_async.resources._creates.paid import send_create
from bluma_async.types import Video

if TYPE_CHECKING:
    from bluma_async._session.session import Session

__all__ = ["send_custom"]

VIDEO = One(Video)


async def send_custom(session: Session, method: str, path: str, query: Mapping[str, Any] | None, payload: Any) -> Any:
    """
    Send a request, and return the decoded JSON of its answer.

    A create that is sent by hand has the evidence of every create. Otherwise its video would be unexplained, and could
    be taken for that of a lost create beside it.
    """
    call = custom_call(method, path, query, payload)
    if not is_create(call):
        return await session.send(call)
    received: List[object] = []

    def decode(raw: object) -> Video:
        video = VIDEO(raw)
        received[:] = [raw]
        return video

    paid: Call[Video] = attrs.evolve(call, decode=decode, safety=Safety.COSTS_MONEY, subject=find_template(payload))
    video = await send_create(session, paid)
    report_if_dropped(video.id)
    return received[0] if received else video.to_dict()  # a search has found it: its create has no answer
