"""
Determine the outcome of a paid create that has no certain answer.

Rule 1: absence is proven by a search that begins `settle_time` after the last moment at which the request can have been
on its way, and that reads far enough. An earlier search can find a video, but never prove its absence.
Rule 2: a candidate is adopted only on positive evidence that it is ours; being the only candidate is none.
Rule 3: other creates of this account may explain a video: their answers are awaited before it is suspected.
Rule 4: a list that cannot be read proves nothing: the create stays in doubt, and is not sent again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, List

import attrs

from bluma_async._session.in_flight import Standing, ambiguous_create
from bluma_async._wire.certainty import CertaintyPolicy, window_begin
from bluma_async.errors import APIError, BlumaError, NetworkError, NotFoundError
from bluma_async.resources._creates.answers import accept_answer, note_video
from bluma_async.resources._creates.candidates import Found, search_videos
from bluma_async.resources._creates.charges import find_contradiction
from bluma_async.resources._creates.ownership import DISPROVED, Ownership, list_unexplained
from bluma_async.resources._videos.calls import get_call
from bluma_async.types import Video, VideoStatus

if TYPE_CHECKING:
    from datetime import datetime

    from bluma_async._session.in_flight import InFlightCall
    from bluma_async._session.session import Session
    from bluma_async._wire.messages import Answer
    from bluma_async._wire.retry import Reconcile

__all__ = ["CertainCreate"]

WAITING_FOR_RIVALS = 0.05  # seconds between two looks at whether creates beside this one have their answers


@attrs.frozen
class CertainCreate:
    """
    The Reconciler of videos.

    Attributes:
        session: What to send with.
        preset: The variant that only this caller creates from; a candidate of it is ours.
    """

    session: Session
    preset: str | None = None

    @property
    def _owner(self) -> Ownership:
        return Ownership(self.session, self.preset)

    @property
    def _policy(self) -> CertaintyPolicy:
        return self.session.shared.certainty

    async def accept(self, call: InFlightCall, outcome: Video, answer: Answer) -> None:
        """
        Note the video that a create became.

        Raises:
            ServerError: The answer is another request's.
        """
        await accept_answer(self.session, call, outcome, answer)

    async def reconcile(self, call: InFlightCall, failure: BlumaError, decision: Reconcile) -> Video | None:
        """Return the video that a create became, or None if it certainly was not accepted."""
        named = await self._find_named(call, failure)
        if named is not None:
            return named
        begin = self._window(call)
        if begin is None:
            raise self._doubt(call, failure, "neither the server's clock nor this machine's is known")
        settled_at = self.settles_at(call)
        retry_at = call.last_sent + decision.after
        found = await self._search_at(call, begin, min(retry_at, settled_at))
        found = await self._wait_for_callback(call, begin, found)
        if call.confirmed_id is None and (found is None or not found.videos):
            if call.ends is not None and settled_at >= call.ends:
                raise self._doubt(call, failure, "the deadline leaves no time to prove that it was not accepted")
            proof_at = max(settled_at, retry_at) if self._policy.waits_to_settle else retry_at
            found = await self._search_at(call, begin, proof_at)
        if call.confirmed_id is not None:
            return await self._confirm(call, failure, call.confirmed_id)
        if found is not None and self.session.options.is_exclusive:
            self._owner.suspect_foreign(call, found)
        if found is not None and found.videos:
            return await self._judge(call, failure, found)
        await self._require_absence(call, failure, begin, found)
        return None

    async def _require_absence(
        self, call: InFlightCall, failure: BlumaError, begin: datetime, found: Found | None
    ) -> None:
        """
        Require that a search without candidates proves that a create was not accepted.

        Raises:
            AmbiguousCreateError: It proves nothing.
        """
        is_unread = found is None and self._policy.needs_readable_list
        is_cut = found is not None and not found.is_complete and self._policy.reads_far
        if is_unread or is_cut:
            raise self._doubt(call, failure, self._unread())
        if call.standing is Standing.ACCEPTED:
            raise self._doubt(call, failure, "it is not in the list of videos")
        older = frozenset(video.id for video in (() if found is None else found.older))
        contradiction = await find_contradiction(self.session, call, begin, older)
        if contradiction is not None:
            raise self._doubt(call, failure, contradiction)

    async def _search_at(self, call: InFlightCall, begin: datetime, moment: float) -> Found | None:
        """Search at this moment; None if the list cannot be read, or something else ended the wait."""
        return await self._search(call, begin) if await self.wait_until(call, moment) else None

    def settles_at(self, call: InFlightCall) -> float:
        """Return the moment, by our clock, from which a search proves that the create was not accepted."""
        return call.last_sent + self.session.options.settle_time

    async def wait_until(self, call: InFlightCall, moment: float) -> bool:
        """Wait; return False if the wait was pointless: a callback has named the video, or the client was closed."""
        clock, connections = self.session.shared.clock, self.session.shared.connections
        while (is_useful := call.confirmed_id is None and not connections.is_closed) and moment > clock.now():
            await call.sleep(clock, moment - clock.now())
        return is_useful

    async def _wait_for_callback(self, call: InFlightCall, begin: datetime, found: Found | None) -> Found | None:
        """Give a callback until `settle_time` to confirm one of the candidates; return those that there are then."""
        if found is None or not found.videos or call.token is None or self.session.options.is_exclusive:
            return found
        settled_at = self.settles_at(call)
        if call.ends is not None and settled_at >= call.ends:
            return found
        return await self._search_at(call, begin, settled_at) or found

    def _unread(self) -> str:
        is_closed = self.session.shared.connections.is_closed
        others = "" if self.session.coordinator is None else ", or it has videos that other processes may have made"
        return "the client was closed" if is_closed else f"the list of videos could not be read far enough{others}"

    async def _confirm(self, call: InFlightCall, failure: BlumaError, video_id: str) -> Video:
        """Return the video that a callback with the create's own token has named, once it is read and fits."""
        try:
            video = await self._read_confirmed(call, video_id)
        except BlumaError:
            raise self._doubt(call, failure, f"a callback named {video_id}, which could not be read") from None
        fits = call.template_id in {None, video.template_id} and self.session.evidence.may_be_from(video.id, call)
        if not fits:
            call.confirmed_id = None  # `settle` searches, as if there had been no callback
            raise self._doubt(call, failure, f"a callback named {video_id}, which this create cannot have made")
        note_video(self.session, call, video)
        return video

    async def _read_confirmed(self, call: InFlightCall, video_id: str) -> Video:
        """Read a video that a callback has named. It may be too new to be read: then once more after `settle_time`."""
        try:
            return await self.session.send(get_call(video_id, self.session.evidence))
        except NotFoundError:
            clock = self.session.shared.clock
            left = self.settles_at(call) - clock.now()
            if left <= 0 or (call.ends is not None and clock.now() + left >= call.ends):
                raise
            await clock.sleep(left)
        return await self.session.send(get_call(video_id, self.session.evidence))

    def _window(self, call: InFlightCall) -> datetime | None:
        skew, unknown_skew = self.session.evidence.skew, self._policy.unknown_skew
        return window_begin(call.server_date, call.local_time, skew, call.floor, unknown_skew)

    async def _search(self, call: InFlightCall, begin: datetime) -> Found | None:
        """Return the videos that no other create explains; None if the list could not be read, or tells nothing now."""
        clock = self.session.shared.clock
        try:
            within = None if call.ends is None else max(call.ends - clock.now(), 0.001)
            found = await search_videos(self.session, begin, call.template_id, within)
            is_shadowed = await self._learn(call, found)
        except BlumaError:
            return None
        rivals = self.session.evidence.rivals(call)
        sending = [(rival, rival.attempts) for rival in rivals if rival.is_sending]
        while list_unexplained(self.session, call, found.videos) and any(
            rival.is_sending and rival.attempts == count for rival, count in sending
        ):
            if call.ends is not None and clock.now() >= call.ends:
                break  # a rival may be silent for its whole timeout; the video is then a candidate
            await clock.sleep(WAITING_FOR_RIVALS)
        unexplained = list_unexplained(self.session, call, found.videos)
        return None if is_shadowed and unexplained else attrs.evolve(found, videos=unexplained)

    async def _find_named(self, call: InFlightCall, failure: BlumaError) -> Video | None:
        """Return the video that a callback has named, or that any process has recorded for this create."""
        if call.confirmed_id is not None:
            return await self._confirm(call, failure, call.confirmed_id)
        coordinator = self.session.coordinator
        try:
            name = None if coordinator is None else await coordinator.find_video(call)
        except BlumaError:
            raise self._doubt(call, failure, "the records of the other processes could not be read") from None
        template_id = call.template_id or ""
        recorded = None if name is None else Video(id=name, status=VideoStatus.QUEUED, template_id=template_id)
        return None if recorded is None else await self._adopt(call, recorded)

    async def _learn(self, call: InFlightCall, found: Found) -> bool:
        """Note which of the videos other processes have made; return whether they may have made the others too."""
        if self.session.coordinator is None:
            return False
        video_ids = [video.id for video in (*found.videos, *found.older)]
        explained = await self.session.coordinator.explain(call, video_ids)
        for video_id in explained.known:
            self.session.evidence.mark_known(video_id)
        self.session.evidence.mark_contested(explained.contested)
        return explained.is_shadowed

    async def _judge(self, call: InFlightCall, failure: BlumaError, found: Found) -> Video:
        """Adopt the candidate if there is positive evidence that it is ours; raise otherwise."""
        evidence, owner = self.session.evidence, self._owner
        candidates = owner.rank(call, found.videos)
        evidence.mark_candidates(video.id for video in candidates)
        ours = await owner.find_ours(call, candidates, found.untimed)
        if ours is not None:
            return await self._adopt(call, ours)
        is_disproved = self.session.options.is_exclusive and evidence.foreign_video is not None
        because = f"none was adopted: {DISPROVED.format(evidence.foreign_video)}" if is_disproved else ""
        raise self._doubt(call, failure, because, candidates)

    async def _adopt(self, call: InFlightCall, video: Video) -> Video:
        note_video(self.session, call, video)
        try:
            return await self.session.send(get_call(video.id, self.session.evidence))
        except (APIError, NetworkError):
            return video  # as it was listed: it is paid, and must not be lost again

    def _doubt(
        self, call: InFlightCall, failure: BlumaError, because: str, candidates: List[Video] | None = None
    ) -> BlumaError:
        return ambiguous_create(call, failure, candidates or [], because=because)
