"""
Decide whose video a candidate is: the API does not echo the prompt.

Rule: a candidate is adopted only on positive evidence that it is ours. Being the only candidate is none: our create may
have been refused while a colleague created one. Evidence is a private preset that the candidate echoes, or the caller's
statement that nobody else uses the key, as long as nothing disproves it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, AbstractSet, List

import attrs

from bluma_async._runtime.log import logger
from bluma_async._session.in_flight import Standing
from bluma_async._wire.certainty import earliest_time
from bluma_async.errors import BlumaError
from bluma_async.resources._videos.calls import get_call

if TYPE_CHECKING:
    from bluma_async._session.in_flight import InFlightCall
    from bluma_async._session.session import Session
    from bluma_async.resources._creates.candidates import Found
    from bluma_async.types import Video

__all__ = ["DISPROVED", "Ownership", "list_unexplained"]

DISPROVED = "Video {} was created by somebody else, although exclusive=True states that nobody else uses this key"


def list_unexplained(session: Session, call: InFlightCall, videos: List[Video]) -> List[Video]:
    """Return the videos that this call can have made, as far as this process knows."""
    return [video for video in videos if session.evidence.may_be_from(video.id, call)]


@attrs.frozen
class Ownership:
    """The evidence of one caller; `preset` is a variant that only this caller creates from."""

    session: Session
    preset: str | None = None

    async def find_ours(self, call: InFlightCall, candidates: List[Video], untimed: AbstractSet[str]) -> Video | None:
        """Return the candidate for which there is positive evidence, or None."""
        if self.claimants(call):
            return None
        if self.preset is not None:
            echoed = [video for video in candidates if await self._echoes_preset(video)]
            if len(echoed) == 1:
                return echoed[0]
        is_alone = self.session.options.is_exclusive or not self.session.shared.certainty.needs_evidence
        is_single = is_alone and len(candidates) == 1 and self.session.evidence.foreign_video is None
        return candidates[0] if is_single and self._fits(call, candidates[0], untimed) else None

    def _fits(self, call: InFlightCall, video: Video, untimed: AbstractSet[str]) -> bool:
        """
        Return whether a video is not older than the create, and no other create claims it.

        The window of a search begins a minute early, for clocks that disagree. What this program made in an earlier
        run can be in that minute.
        """
        begin = earliest_time(call.server_date, call.local_time, self.session.evidence.skew, call.floor)
        is_recent = begin is not None and video.id not in untimed and video.created_at >= begin
        return is_recent and not self.session.evidence.is_contested(video.id)

    def claimants(self, call: InFlightCall) -> List[InFlightCall]:
        """Return the other creates that may have made the same videos."""
        return [rival for rival in self.session.evidence.rivals(call) if rival.standing is not Standing.NOT_SENT]

    def suspect_foreign(self, call: InFlightCall, found: Found) -> None:
        """Note a video that no create of this program explains: it disproves that nobody else uses the key."""
        evidence, ranked = self.session.evidence, self.rank(call, found.videos)
        older = [video for video in found.older if evidence.is_after_baseline(call.template_id, video.created_at)]
        strays = list_unexplained(self.session, call, older)
        if evidence.foreign_video is None and len(strays) + len(ranked) > 1 + len(self.claimants(call)):
            evidence.foreign_video = (strays or ranked)[-1].id
            logger.warning("%s: lost creates are not adopted any more.", DISPROVED.format(evidence.foreign_video))

    def rank(self, call: InFlightCall, candidates: List[Video]) -> List[Video]:
        """Return the candidates, those first whose `created_at` is the closest to the moment the create began."""
        skew = self.session.evidence.skew
        began = call.server_date - skew if call.server_date and skew else call.server_date or call.local_time
        if began is None:
            return candidates
        return sorted(candidates, key=lambda video: abs((video.created_at - began).total_seconds()))

    async def _echoes_preset(self, video: Video) -> bool:
        try:
            return (await self.session.send(get_call(video.id, self.session.evidence))).variant_id == self.preset
        except BlumaError:
            return False
