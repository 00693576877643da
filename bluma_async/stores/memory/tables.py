"""The tables of a store in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Tuple

import attrs

from bluma_async.stores.states import JobState

if TYPE_CHECKING:
    from datetime import datetime

    from bluma_async.stores.jobs import HistoryLine, StoredJob

__all__ = ["Tables"]


@attrs.define
class Tables:
    """All that the store remembers. A copy is cheap, because the values never change."""

    run: int = 0
    resumed: int = 0  # the last run that took all jobs; submitted jobs join it
    account: str | None = None
    jobs: Dict[int, StoredJob] = attrs.field(factory=lambda: {})  # noqa: PIE807 - by place, in order
    places: Dict[str, int] = attrs.field(factory=lambda: {})  # noqa: PIE807 - by folded key
    billed: Dict[str, int] = attrs.field(factory=lambda: {})  # noqa: PIE807 - places by video: the ledger
    charged: Dict[str, int] = attrs.field(factory=lambda: {})  # noqa: PIE807 - credits by video: the ledger
    refunded: Dict[str, int] = attrs.field(factory=lambda: {})  # noqa: PIE807 - credits by video
    history: Dict[int, Tuple[HistoryLine, ...]] = attrs.field(factory=lambda: {})  # noqa: PIE807 - by place

    def restore(self, before: Tables) -> None:
        """Replace the contents of these tables by those of a copy, in place."""
        for name in attrs.fields_dict(Tables):
            setattr(self, name, getattr(before, name))

    def copy(self) -> Tables:
        """Return the tables as they are now."""
        tables = (self.jobs, self.places, self.billed, self.charged, self.refunded, self.history)
        return Tables(self.run, self.resumed, self.account, *map(dict, tables))  # type: ignore[arg-type]  # in the fields' order

    @property
    def last_place(self) -> int:
        """The place of the newest job; 0 if there is none."""
        return next(reversed(self.jobs), 0)

    def read(self, place: int) -> StoredJob | None:
        """Return a job with its charge; None if there is no such job."""
        job = self.jobs.get(place)
        return self.with_charge(job) if job is not None else None

    def write(self, job: StoredJob, **fields: Any) -> StoredJob:
        """Store a job with new values of some fields, and return it."""
        self.jobs[job.place] = attrs.evolve(job, **fields)
        return self.with_charge(self.jobs[job.place])

    def with_charge(self, job: StoredJob) -> StoredJob:
        """Return the job with the charge of its video, which can have been corrected since the job was written."""
        video_id = job.video_id or ""
        is_own = self.billed.get(video_id) == job.place
        charged, is_reused = self.charged[video_id] if is_own else 0, bool(video_id) and not is_own
        is_current = (job.charged, job.is_reused) == (charged, is_reused)
        return job if is_current else attrs.evolve(job, charged=charged, is_reused=is_reused)

    def list_announced(self, place: int) -> List[datetime]:
        """Return when each create of a job was announced."""
        return [line.at for line in self.history.get(place, ()) if line.state == JobState.CREATING]

    def iterate(self, after: int = 0) -> Iterator[StoredJob]:
        """Yield the jobs above a place, in order. Without a scan from the first job, many pages stay cheap."""
        jobs = self.jobs
        return (jobs[place] for place in range(after + 1, self.last_place + 1) if place in jobs)
