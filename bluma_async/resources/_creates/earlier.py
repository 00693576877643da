"""
Determine the outcomes of earlier creates of a content before it is bought: those of this process, and recorded ones.

Rule: a content in doubt is not bought again. `on_ambiguous="retry"` accepts that an uncertain create is billed twice,
so it allows this too; a content whose create certainly was accepted is not bought again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bluma_async._runtime.clock import local_time
from bluma_async._runtime.log import logger
from bluma_async._runtime.paid_ids import PaidId
from bluma_async.errors import AmbiguousCreateError
from bluma_async.resources._creates.outcome import find_video_id
from bluma_async.resources._creates.pending import settle_pending
from bluma_async.resources._creates.settling import settle_calls
from bluma_async.resources._creates.showing import show_create
from bluma_async.stores.contents import KnownVideo
from bluma_async.types import CreateResult, OpenCreateState, SettledCreate

if TYPE_CHECKING:
    from bluma_async._session.in_flight import InFlightCall
    from bluma_async._session.session import Session
    from bluma_async.resources._creates.reuse import ContentReuse
    from bluma_async.types import Video

__all__ = ["settle_earlier", "settle_recorded"]

IN_DOUBT = (
    "An earlier create of the same content, which began at {began}, {billed}, and this one was not sent: {found}. Make "
    "sure of it in your list of videos: `candidates` are those that may be its own. `settle()` of a client with "
    'reuse="content" searches for it again; {ways} to buy the content all the same.'
)
ANYWAY = 'leave out reuse="content"'


async def settle_earlier(reuse: ContentReuse, content: str, template_id: str) -> Video | None:
    """
    Return the video of an earlier create of this content, once its outcome is known; None if there is none to use.

    Raises:
        AmbiguousCreateError: Its outcome cannot be determined. Nothing was bought.
        BlumaError: Its video or file cannot be read; the error has its `video_id`. Nothing was bought.
    """
    for call in reuse.list_open(content):
        settled = await _settle_open(reuse, call)
        video = await _use(reuse, settled, content, template_id)
        if video is not None:
            return video
    return await settle_recorded(reuse, content, template_id)


async def settle_recorded(reuse: ContentReuse, content: str, template_id: str) -> Video | None:
    """Return the video of a recorded create that is not open in this process, as `settle_earlier` does."""
    settled = await settle_pending(reuse.limited, content)
    return None if settled is None else await _use(reuse, settled, content, template_id)


async def _use(reuse: ContentReuse, settled: SettledCreate, content: str, template_id: str) -> Video | None:
    """Return the video of a settled create if it can be used, by the checks of every video that is reused."""
    if settled.result == CreateResult.IN_DOUBT:
        _require_consent(reuse.limited, settled)
    video_id = find_video_id(settled)
    if video_id is None:
        return None
    with PaidId(video_id):
        now = local_time(reuse.limited.shared.clock)
        # Not read from the index: a video that could not be recorded there is paid all the same.
        known = KnownVideo(video_id, 0.0 if now is None else now.timestamp())
        return await reuse.use(known, content, template_id)


def _require_consent(session: Session, settled: SettledCreate) -> None:
    """
    Require that the user accepts a second bill for a content in doubt.

    Raises:
        AmbiguousCreateError: The user does not, or the create certainly was accepted.
    """
    if session.options.on_ambiguous != "retry" or settled.create.state != OpenCreateState.UNCERTAIN:
        raise _build_error(settled)
    logger.warning("A create of the same content, which began at %s, is in doubt. It is bought again.", _began(settled))


def _build_error(settled: SettledCreate) -> AmbiguousCreateError:
    create, candidates = settled.create, settled.candidates
    is_accepted = create.state == OpenCreateState.ACCEPTED
    text = IN_DOUBT.format(
        began=_began(settled),
        billed="was accepted and billed" if is_accepted else "may have been accepted and billed",
        found=f"{len(candidates)} video(s) may be its own" if candidates else "its video is not known",
        ways=ANYWAY if is_accepted else f'{ANYWAY}, or set on_ambiguous="retry",',
    )
    return AmbiguousCreateError(
        text,
        status=503,
        accepted=is_accepted,
        candidates=candidates,
        idempotency_key=create.idempotency_key,
        template_id=create.template_id,
        started_at=create.started_at,
    )


def _began(settled: SettledCreate) -> str:
    started_at = settled.create.started_at
    return "an unknown time" if started_at is None else f"{started_at:%Y-%m-%d %H:%M:%S} UTC"


async def _settle_open(reuse: ContentReuse, call: InFlightCall) -> SettledCreate:
    """
    Settle a create of this process within the deadline of this one.

    Raises:
        AmbiguousCreateError: Another task works on it.
    """
    unknown = SettledCreate(create=show_create(call), result=CreateResult.IN_DOUBT)
    if call.is_attended:
        raise _build_error(unknown)
    session, ends = reuse.limited, call.ends
    deadline = session.options.deadline
    call.ends = None if deadline is None else session.shared.clock.now() + deadline
    try:
        settled = await settle_calls(session, [call])
    finally:
        call.ends = ends
    return next((one for one in settled if one.create.idempotency_key == call.key), unknown)
