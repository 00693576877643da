"""
Find out what became of a paid create that got no certain answer.

Rule 1: only the server's clock counts; it is read off its own Date headers, so that ours may be wrong.
Rule 2: what this client's calls returned or waited for is no evidence; nor is what was reported before this call began.
What was reported to a call beside this one still counts: both may be lost, and each may be either's.
Rule 3: what other creates of this client made meanwhile is theirs: their answers are awaited before any suspicion.
Rule 4: a video is adopted only if it is the one candidate, and no other create could claim it.
Rule 5: where nobody can look, an answered error is repeated, as the API advises; silence is not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, List

from bluma_async._session.session import in_doubt
from bluma_async._wire.call import get, path
from bluma_async._wire.codec import One
from bluma_async.errors import APIError, BlumaError, NetworkError
from bluma_async.resources._candidates import created_since
from bluma_async.types import Video

if TYPE_CHECKING:
    from bluma_async._session.session import Session
    from bluma_async._session.shared import InFlightCall

__all__ = ["reconcile"]

SETTLING = 0.05  # seconds between two looks at whether creates beside this one have their answers


async def reconcile(session: Session, in_flight: InFlightCall[Video], failure: BlumaError) -> Video | None:
    """
    Say what became of a create that got no certain answer.

    Returns:
        None if it certainly was not accepted, or may be repeated all the same; the video that it became, if that is
        certain enough for `on_ambiguous="adopt"`.

    Raises:
        AmbiguousCreateError: Videos came to be that may be it; or there was no answer, and nobody could look.
    """
    try:
        candidates = await _candidates(session, in_flight)
    except (APIError, NetworkError) as problem:
        if isinstance(failure, NetworkError):
            raise in_doubt(in_flight, session.shared, failure) from problem
        return None
    if len(candidates) == 1 and session.options.on_ambiguous == "adopt" and not _rivals(session, in_flight):
        return await _adopt(session, candidates[0])
    if candidates:
        session.shared.mark_candidates(video.id for video in candidates)
        raise in_doubt(in_flight, session.shared, failure, candidates) from failure
    return None


async def _candidates(session: Session, in_flight: InFlightCall[Any]) -> List[Video]:
    found = await _unexplained(session, in_flight)
    sending = [(other, other.attempts) for other in _rivals(session, in_flight) if other.is_sending]
    while found and any(other.is_sending and other.attempts == count for other, count in sending):
        await session.shared.clock.sleep(SETTLING)
    return [video for video in found if session.shared.may_be_from(video.id, in_flight.began)]


async def _adopt(session: Session, video: Video) -> Video:
    session.shared.mark_known(video.id)
    try:
        return await session.send(get(path("videos", video.id), One(Video)))
    except (APIError, NetworkError):
        return video  # as it was listed: it is the one, and must not be lost again


def _rivals(session: Session, in_flight: InFlightCall[Any]) -> List[InFlightCall[Any]]:
    """Return the other creates under way that may have made the same videos."""
    subject = in_flight.call.subject
    others = [other for other in list(session.shared.paid_in_flight) if other is not in_flight]
    return [other for other in others if None in (subject, other.call.subject) or other.call.subject == subject]


async def _unexplained(session: Session, in_flight: InFlightCall[Any]) -> List[Video]:
    left = None if in_flight.ends is None else max(in_flight.ends - session.shared.clock.now(), 0.0)
    videos = created_since(
        session, lambda: in_flight.since(session.shared), template_id=in_flight.call.subject, within=left
    )
    return [video async for video in videos if session.shared.may_be_from(video.id, in_flight.began)]
