"""The API calls of a batch, and the signal to submit nothing more."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Awaitable, Callable, Dict, List, Set

from bluma_async._runtime.log import UNRECORDED, logger
from bluma_async.batch.conflicts import Unsubmitted
from bluma_async.errors import BlumaError
from bluma_async.resources._creates.lost import settle_all_lost
from bluma_async.resources._creates.stand_in import find_start
from bluma_async.resources.credits import Credits
from bluma_async.resources.templates import Templates
from bluma_async.resources.videos import Videos
from bluma_async.types._model import utc_now

if TYPE_CHECKING:
    from datetime import datetime

    from bluma_async._runtime.clock import Clock
    from bluma_async._session.ports import Coordinator
    from bluma_async._session.session import Session
    from bluma_async.stores.creates import SharedCreates
    from bluma_async.stores.jobs import StoredJob
    from bluma_async.waiting.hub import PollHub

__all__ = ["BatchApi", "StopSignal"]

SETTLE_PERIOD = 2.0  # seconds between two searches for creates of dead processes, however many creates wait


class BatchApi:
    """
    The API calls of a batch, with the options of its client.

    Attributes:
        settlers: What settles the creates that dead processes have left open. A create that waits for its template's
            turn calls them: otherwise all workers could wait for turns, and none would settle what holds these.
        unrecorded: Errors about paid videos that the store could not record, by the places of their jobs.
    """

    def __init__(self, session: Session, hub: PollHub, creates: SharedCreates | None = None) -> None:
        self._hub = hub
        self._creates = creates
        self.settlers: List[Callable[[], Awaitable[None]]] = []
        self.unrecorded: Dict[int, BlumaError] = {}
        self._settles_at = 0.0
        self.session: Session = session
        self.videos: Videos = Videos(self.session, hub)
        self.templates: Templates = Templates(self.session)
        self.credits: Credits = Credits(self.session)

    def with_coordinator(self, coordinator: Coordinator, creates: SharedCreates | None) -> BatchApi:
        """Return the same calls, which agree with other processes before they are sent."""
        return BatchApi(self.session.with_coordinator(coordinator), self._hub, creates)

    async def settle_others(self) -> None:
        """
        Settle the creates of dead processes, with and without a journal: they hold the turns of their templates.

        Nothing is done if that was done a moment ago, for another create.

        Raises:
            BlumaError: The database cannot be used.
        """
        if self.clock.now() < self._settles_at:
            return
        self._settles_at = self.clock.now() + SETTLE_PERIOD
        if self._creates is not None:
            await settle_all_lost(self.session, self._creates)
        for settle in self.settlers:
            await settle()

    def begin_create(self, template_id: str | None) -> datetime:
        """
        Return the time that a journal records for a create that begins now.

        With an exclusive key it is the newest `created_at` that the batch has seen: a later run can then tell the video
        of this create from older ones, also if the clocks disagree. Otherwise strangers' videos would be in that time.
        """
        floor = self.session.evidence.find_floor(template_id) if self.session.options.is_exclusive else None
        return self.now() if floor is None else min(floor, self.now())

    def now(self) -> datetime:
        """Return the earlier of the server's clock and this machine's: a create that begins now is not older."""
        return find_start(self.session) or utc_now()

    def note_unrecorded(self, job: StoredJob, video_id: str, failure: BlumaError) -> None:
        """
        Log the id of a paid video that is recorded nowhere else.

        The failure gets it as `video_id`, but its caller may be cancelled, and nobody reads it then.
        """
        failure.video_id = video_id
        error = self.unrecorded[job.place] = BlumaError(
            f"Video {video_id} of job {job.key} is paid, and could not be recorded: {failure} If the job is in doubt "
            "later, adopt this video for it."
        )
        error.video_id = video_id
        fields = {"event": UNRECORDED, "job": job.key, "video": video_id, "epoch": job.epoch or None}
        logger.error("%s", error, extra=fields)

    @property
    def clock(self) -> Clock:
        """The client's clock."""
        return self.session.shared.clock

    def close_create(self, request_key: str | None, video_id: str) -> None:
        """Note the video that a create in doubt became: it does not claim other videos any more."""
        evidence = self.session.evidence
        call = evidence.find_open(request_key)
        if call is not None:
            evidence.remove(call)
        evidence.mark_known(video_id)


class StopSignal:
    """Tells every worker of a run to submit nothing more. The first reason is kept."""

    def __init__(self) -> None:
        self.reason: BlumaError | None = None
        self._bounded: Set[asyncio.Future[Any]] = set()

    @property
    def is_set(self) -> bool:
        """Whether nothing more is submitted."""
        return self.reason is not None

    def set(self, reason: BlumaError) -> None:
        """Submit nothing more. Call it in the event loop of the run."""
        self.reason = self.reason or reason
        self.end_waits()

    def end_waits(self) -> None:
        """End the waits of `bound`."""
        for wait in self._bounded:
            wait.cancel()

    async def bound(self, wait: Callable[[], Awaitable[None]]) -> None:
        """
        Wait before something is submitted.

        Raises:
            Unsubmitted: Nothing more is submitted. The wait has ended.
        """
        if self.is_set:
            raise Unsubmitted
        bounded = asyncio.ensure_future(wait())
        self._bounded.add(bounded)
        try:
            await asyncio.wait([bounded])
        finally:
            self._bounded.discard(bounded)
            if not bounded.done():
                bounded.cancel()
                await asyncio.wait([bounded])
        if bounded.cancelled():
            raise Unsubmitted
        bounded.result()
