"""
Remember the jobs of a batch in memory, as long as the process lives.

Rule 1: nothing here waits, and nothing runs in a thread: a simulation with virtual time needs that.
Rule 2: verbs are atomic because there is no await inside one; a refused plan restores a copy of the tables.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Callable, Collection, Dict, Iterable, Iterator, List, Mapping, Sequence, Tuple

from bluma_async.stores.jobs import (
    PAGE_SIZE,
    Conflict,
    HistoryLine,
    InvalidRow,
    LedgerLine,
    Plan,
    StoredJob,
    WantedTemplate,
    summarize,
)
from bluma_async.stores.keys import fold_key
from bluma_async.stores.memory.tables import Tables
from bluma_async.stores.states import ENDED, JobState, Verb, list_sources
from bluma_async.stores.transitions import (
    REPLAN,
    JobVerbs,
    build_fields,
    check_change,
    correct,
    find_plan_conflict,
    find_submit_conflict,
)
from bluma_async.types._model import utc_now

if TYPE_CHECKING:
    from datetime import datetime

    from bluma_async.stores.jobs import BatchStatus, Job, Outcome, PlanRow
    from bluma_async.stores.sharing import Sharing
    from bluma_async.stores.transitions import Change

__all__ = ["MemoryJobStore"]


class MemoryJobStore(JobVerbs):
    """A `JobStore` in memory. It outlives the batch that uses it, but not the process."""

    sharing: Sharing | None = None

    def __init__(self, now: Callable[[], datetime] = utc_now) -> None:
        """
        Set up an empty store.

        Args:
            now: Returns the present time, for the history of jobs.
        """
        self._now = now
        self._tables = Tables()
        self._run = 0  # the present run
        self._presets: Dict[str, str] = {}  # variants by template; no plan changes them

    @property
    def name(self) -> str:
        """A name for error messages."""
        return "in memory"

    async def plan_all(self, rows: Iterable[PlanRow], *, most: int) -> Plan:
        """Begin a run with these jobs. If any row is refused, none of them is planned."""
        return self._plan_rows(rows, most, lambda job, _: self._plan(job), begins_run=True)

    async def submit(self, rows: Iterable[PlanRow], *, most: int) -> Plan:
        """Add jobs without a run: all of them are planned, or if any row is refused, none."""
        return self._plan_rows(rows, most, self._submit, begins_run=False)

    async def begin_run(self) -> None:
        """Begin a run without jobs; `plan` adds them."""
        self._begin_run()

    async def resume(self) -> None:
        """Begin a run with all jobs of the store."""
        self._begin_run()
        self._tables.resumed = self._run
        for job in self._tables.iterate():
            self._tables.write(job, run=max(job.run, self._run))

    async def plan(self, job: Job) -> Outcome:
        """Add a job to the present run."""
        return self._plan(job)

    async def forget(self, mark: int) -> None:
        """Delete the jobs above the mark that the present run has planned. Jobs that were submitted meanwhile stay."""
        tables = self._tables
        for job in list(self._tables.iterate(mark)):
            if job.state in list_sources(Verb.FORGET) and job.run == self._run and not job.epoch:
                del tables.jobs[job.place], tables.places[fold_key(job.key)], tables.history[job.place]

    async def replan(self, states: Collection[JobState]) -> int:
        """Plan all jobs in these states again, where the table allows it; return how many."""
        jobs = [job for job in self._tables.iterate() if job.state in states and job.state in list_sources(Verb.REPLAN)]
        for job in jobs:
            self._write(job, self._build_replan(job))
        return len(jobs)

    async def read(self, place: int) -> StoredJob | None:
        """Return a job by its place."""
        return self._tables.read(place)

    async def find(self, key: str) -> StoredJob | None:
        """Return a job by its key."""
        return self._tables.read(self._tables.places.get(fold_key(key), 0))

    async def find_all(self, keys: Sequence[str]) -> Mapping[str, StoredJob]:
        """Return the jobs that have one of these keys."""
        found = ((key, self._tables.read(self._tables.places.get(fold_key(key), 0))) for key in keys)
        return {key: job for key, job in found if job is not None}

    async def to_do(self, after: int) -> List[StoredJob]:
        """Return the next jobs of the present run that have not failed and are not in doubt."""
        return self._page(job for job in self._tables.iterate(after) if job.run >= self._run and job.state not in ENDED)

    async def list_jobs(self, state: str | None, after: int) -> List[StoredJob]:
        """Return the next jobs in one state, or in any."""
        return self._page(job for job in self._tables.iterate(after) if state in (None, job.state))

    async def list_creating(self) -> List[StoredJob]:
        """Return the jobs whose create has an intent and no outcome."""
        return [self._tables.with_charge(job) for job in self._tables.iterate() if job.state == JobState.CREATING]

    async def list_wanted_templates(self) -> List[WantedTemplate]:
        """Return the templates and resolutions that the planned jobs of the present run need."""
        wanted: Dict[Tuple[str, str | None], WantedTemplate] = {}
        for job in self._tables.iterate():
            if job.run == self._run and job.state == JobState.PLANNED and job.template_id is not None:
                template = WantedTemplate(job.template_id, job.resolution, job.origin)
                wanted.setdefault((job.template_id, job.resolution), template)
        return list(wanted.values())

    async def list_recent_videos(self, most: int) -> List[str]:
        """Return the ids of the jobs' videos, the most recent create first."""
        made = [job for job in self._tables.iterate() if job.video_id]
        made.sort(key=lambda job: job.started_at.timestamp() if job.started_at else 0.0, reverse=True)
        return [job.video_id or "" for job in made[:most]]

    async def list_candidates(self) -> List[str]:
        """Return the ids of all candidates of jobs in doubt."""
        return [name for job in self._tables.iterate() if job.state == JobState.IN_DOUBT for name in job.candidates]

    async def is_billed(self, video_id: str) -> bool:
        """Return whether a video is in the ledger."""
        return video_id in self._tables.charged

    async def statistics(self) -> BatchStatus:
        """Count the jobs in each state, and sum the ledger."""
        counts: Dict[str, int] = {}
        for job in self._tables.iterate():
            counts[str(job.state)] = counts.get(str(job.state), 0) + 1
        return summarize(counts, sum(self._tables.charged.values()), sum(self._tables.refunded.values()))

    async def list_ledger(self, after: str) -> List[LedgerLine]:
        """Return the next lines of the ledger, in the order of the videos' ids; the page begins behind an id."""
        tables, ids = self._tables, sorted(video_id for video_id in self._tables.charged if video_id > after)
        return [
            LedgerLine(name, tables.jobs[tables.billed[name]].key, tables.charged[name], tables.refunded.get(name, 0))
            for name in ids[:PAGE_SIZE]
        ]

    async def read_first_create(self) -> datetime | None:
        """Return when the first create was announced, by the clock of its process; None before it."""
        return min((at for place in self._tables.history for at in self._tables.list_announced(place)), default=None)

    async def find_announced(self, video_ids: Sequence[str]) -> Mapping[str, datetime]:
        """Return when the creates of these videos were announced, as far as a job has them; at most 200 videos."""
        tables = self._tables
        places = {name: tables.billed[name] for name in video_ids if name in tables.billed}
        present = {name: place for name, place in places.items() if tables.jobs[place].video_id == name}
        return {name: max(tables.list_announced(place)) for name, place in present.items()}

    async def history(self, place: int) -> List[HistoryLine]:
        """Return the steps of a job, the first one first."""
        return list(self._tables.history.get(place, ()))

    async def read_account(self) -> str | None:
        """Return the fingerprint of the account; None before the first run."""
        return self._tables.account

    async def write_account(self, fingerprint: str) -> None:
        """Record the fingerprint of the account."""
        self._tables.account = fingerprint

    async def read_preset(self, template_id: str) -> str | None:
        """Return the private variant of a template; None before the first."""
        return self._presets.get(template_id)

    async def write_preset(self, template_id: str, variant_id: str) -> None:
        """Record the private variant of a template."""
        self._presets[template_id] = variant_id

    async def agree(self, max_credits: float | None, out: str | None) -> None:
        """Do nothing: one process uses the store."""

    async def close(self) -> None:
        """Do nothing: the next run uses the same store."""

    async def _move(self, place: int, change: Change) -> Outcome:
        is_billed = change.bill is not None and change.bill.video_id in self._tables.charged
        job = check_change(change, self._tables.read(place), is_billed=is_billed)
        return job if isinstance(job, Conflict) else self._write(job, change)

    def _build_replan(self, job: StoredJob) -> Change:  # noqa: ARG002 - a store that is shared looks at the job
        return REPLAN

    def _write(self, job: StoredJob, change: Change) -> StoredJob:
        tables, video_id = self._tables, job.video_id or ""
        if change.bill is not None:
            tables.charged.setdefault(change.bill.video_id, change.bill.charged)
            tables.billed.setdefault(change.bill.video_id, job.place)
        is_own = tables.billed.get(video_id) == job.place
        if change.charged is not None and is_own:
            tables.charged[video_id] = change.charged
        if change.is_refund and is_own:
            tables.refunded[video_id] = tables.charged[video_id]
        fields = build_fields(job, change)
        self._log(job.place, fields["state"], change.note)
        return self._tables.write(job, **fields)

    def _log(self, place: int, state: JobState, note: str | None) -> None:
        history = self._tables.history
        history[place] = (*history.get(place, ()), HistoryLine(self._now(), state, note))

    def _plan_rows(
        self, rows: Iterable[PlanRow], most: int, plan: Callable[[Job, int], Outcome], *, begins_run: bool
    ) -> Plan:
        before, run, mark = self._tables.copy(), self._run, self._tables.last_place
        refused: List[Conflict | InvalidRow] = []
        try:
            if begins_run:
                self._begin_run()
            for row in rows:
                outcome = row if isinstance(row, InvalidRow) else plan(row, mark)
                if not isinstance(outcome, StoredJob):
                    refused.append(outcome)
                if len(refused) == most:
                    break
        except BaseException:
            self._undo(before, run)
            raise
        added = self._tables.last_place - mark
        if refused:
            self._undo(before, run)
        return Plan(tuple(refused), mark, 0 if refused else added)

    def _begin_run(self) -> None:
        self._tables.run += 1
        self._set_run(self._tables.run)

    def _set_run(self, run: int) -> None:
        self._run = run

    def _undo(self, before: Tables, run: int) -> None:
        self._tables.restore(before)
        self._set_run(run)

    def _plan(self, job: Job) -> Outcome:
        """Plan a job; a refusal has changed nothing."""
        run, found = self._run, self._tables.read(self._tables.places.get(fold_key(job.key), 0))
        conflict = find_plan_conflict(job, found, run)
        if conflict is not None:
            return conflict
        if found is None:
            return self._insert(job, run)
        if found.body != job.body:
            found = self._write(found, correct(job))
        return self._tables.write(found, run=max(found.run, run), origin=job.origin)

    def _submit(self, job: Job, mark: int) -> Outcome:
        found = self._tables.read(self._tables.places.get(fold_key(job.key), 0))
        return find_submit_conflict(job, found, mark) or found or self._insert(job, self._tables.resumed)

    def _insert(self, job: Job, run: int) -> StoredJob:
        place, state = self._tables.last_place + 1, JobState.PLANNED
        made = StoredJob(place, job.key, job.body, job.template_id, job.resolution, job.origin, run, state)
        self._tables.places[fold_key(job.key)] = place
        self._log(place, state, job.origin)
        return self._tables.write(made)

    def _page(self, jobs: Iterator[StoredJob]) -> List[StoredJob]:
        return [self._tables.with_charge(job) for job in islice(jobs, PAGE_SIZE)]
