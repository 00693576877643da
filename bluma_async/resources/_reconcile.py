"""
Find out whether a paid create that got no certain answer was accepted.

Rule 1: only the server's clock counts. It is derived from the server's own Date headers, so ours may be wrong.
Rule 2: videos that this process knows are no candidates: they were returned by a create, waited for, or reported as
candidates before this call began. A video that was reported to a call beside this one stays a candidate: both calls may
be lost, and the video may be either's.
Rule 3: the answers of the creates beside this one are awaited first: a new video is most likely theirs.
Rule 4: a video is adopted only if it is the one candidate, and no other create could claim it.
Rule 5: if the search fails, a create that was answered with an error is retried, as the API advises; a create that was
not answered is not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, List

from bluma_async._session.in_flight import ambiguous_create
from bluma_async._wire.call import get, path
from bluma_async._wire.codec import One
from bluma_async.errors import APIError, BlumaError, NetworkError
from bluma_async.resources._candidates import created_since
from bluma_async.types import Video

if TYPE_CHECKING:
    from bluma_async._session.in_flight import InFlightCall
    from bluma_async._session.session import Session

__all__ = ["reconcile"]

SETTLING = 0.05  # seconds between two checks of whether the creates beside this one have their answers


async def reconcile(session: Session, in_flight: InFlightCall, failure: BlumaError) -> Video | None:
    """
    Return the video that a create without a certain answer made, or None if the create may be sent again.

    Returns:
        The one candidate, with `on_ambiguous="adopt"`; None if there is no candidate, or the search failed after an
        answered error.

    Raises:
        AmbiguousCreateError: There are candidates; or there was no answer, and the search failed.
    """
    server_clock = session.shared.server_clock
    try:
        candidates = await _find_candidates(session, in_flight)
    except (APIError, NetworkError) as problem:
        if isinstance(failure, NetworkError):
            raise ambiguous_create(in_flight, server_clock, failure) from problem
        return None
    if len(candidates) == 1 and session.options.on_ambiguous == "adopt" and not session.evidence.rivals(in_flight):
        return await _adopt(session, candidates[0])
    if candidates:
        session.evidence.mark_candidates(video.id for video in candidates)
        raise ambiguous_create(in_flight, server_clock, failure, candidates) from failure
    return None


async def _find_candidates(session: Session, in_flight: InFlightCall) -> List[Video]:
    """Return the unexplained videos, after the creates that are being sent beside this one have been answered."""
    found = await _find_unexplained(session, in_flight)
    sending = [(rival, rival.attempts) for rival in session.evidence.rivals(in_flight) if rival.is_sending]
    while found and any(rival.is_sending and rival.attempts == attempts for rival, attempts in sending):
        await session.shared.clock.sleep(SETTLING)
    return [video for video in found if session.evidence.may_be_from(video.id, in_flight)]


async def _find_unexplained(session: Session, in_flight: InFlightCall) -> List[Video]:
    """Return the videos that were created since the call began, and that no other call explains."""
    shared = session.shared
    left = None if in_flight.ends is None else max(in_flight.ends - shared.clock.now(), 0.0)
    videos = created_since(
        session,
        lambda: in_flight.started_at(shared.server_clock),
        template_id=in_flight.template_id,
        within=left,
    )
    return [video async for video in videos if session.evidence.may_be_from(video.id, in_flight)]


async def _adopt(session: Session, video: Video) -> Video:
    """Return the video with its price, or as it was listed if it cannot be read: it must not be lost again."""
    session.evidence.mark_known(video.id)
    try:
        return await session.send(get(path("videos", video.id), One(Video)))
    except (APIError, NetworkError):
        return video
