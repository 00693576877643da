"""
Remember the jobs of a batch in a SQLite file.

Rule: a job's state, the line of its history and its bill are written in one transaction.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any, Callable, Collection, Iterable, List, Mapping, Sequence

import attrs

from bluma_async.stores import sqlite_queries as queries
from bluma_async.stores.jobs import Conflict, InvalidRow, Plan, StoredJob
from bluma_async.stores.keys import fold_key
from bluma_async.stores.sqlite_file import JournalFile, RollbackWith
from bluma_async.stores.states import JobState, Verb, list_sources
from bluma_async.stores.transitions import (
    REPLAN,
    JobVerbs,
    build_fields,
    check_change,
    correct,
    find_plan_conflict,
)
from bluma_async.types._model import utc_now

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

    from bluma_async.stores.jobs import BatchStatus, HistoryLine, Job, Outcome, PlanRow, WantedTemplate
    from bluma_async.stores.transitions import Change

__all__ = ["SQLiteJobStore"]


class SQLiteJobStore(JobVerbs):
    """A `JobStore` in a SQLite file, for one writing process and any number of readers."""

    def __init__(self, file: JournalFile, now: Callable[[], datetime]) -> None:
        self._file = file
        self._now = now

    @classmethod
    async def open(cls, path: Path, *, to_write: bool, now: Callable[[], datetime] = utc_now) -> SQLiteJobStore:
        """
        Open the store.

        Args:
            path: The file.
            to_write: Whether verbs are to be used. The file is then created if it is missing.
            now: Returns the present time, for the history of jobs.

        Raises:
            InvalidArgumentError: The file is missing, is no journal, or was written by a newer version.
            BlumaError: Another process writes to it, or the disk refuses.
        """
        return cls(await JournalFile.open(path, to_write=to_write), now)

    @property
    def name(self) -> str:
        """The path of the file."""
        return str(self._file.path)

    async def plan_all(self, rows: Iterable[PlanRow], *, most: int) -> Plan:
        """Begin a run with these jobs: all of them are planned, or if any row is refused, none."""
        return await self._file.do(self._plan_all, rows, most)

    async def begin_run(self) -> None:
        """Begin a run without jobs; `plan` adds them."""
        await self._file.do(_begin_run)

    async def resume(self) -> None:
        """Begin a run with all jobs of the store."""
        await self._file.do(_resume)

    async def plan(self, job: Job) -> Outcome:
        """Add a job to the present run."""
        return await self._file.do(self._plan_one, job)

    async def forget(self, mark: int) -> None:
        """Delete the planned jobs whose place is above the mark."""
        await self._file.do(_forget, mark)

    async def replan(self, states: Collection[JobState]) -> int:
        """Plan all jobs in these states again, where the table allows it; return how many."""
        return await self._file.do(self._replan, states)

    async def read(self, place: int) -> StoredJob | None:
        """Return a job by its place."""
        return await self._file.do(queries.read_job, place)

    async def find(self, key: str) -> StoredJob | None:
        """Return a job by its key."""
        return await self._file.do(queries.find_job, key)

    async def find_all(self, keys: Sequence[str]) -> Mapping[str, StoredJob]:
        """Return the jobs that have one of these keys."""
        return await self._file.do(queries.find_jobs, keys)

    async def to_do(self, after: int) -> List[StoredJob]:
        """Return the next jobs of the present run that have not failed and are not in doubt."""
        return await self._file.do(queries.read_to_do, after)

    async def list_jobs(self, state: str | None, after: int) -> List[StoredJob]:
        """Return the next jobs in one state, or in any."""
        return await self._file.do(queries.read_page, state, after)

    async def list_creating(self) -> List[StoredJob]:
        """Return the jobs whose create has an intent and no outcome."""
        return await self._file.do(queries.read_in_state, JobState.CREATING)

    async def list_wanted_templates(self) -> List[WantedTemplate]:
        """Return the templates and resolutions that the planned jobs of the present run need."""
        return await self._file.do(queries.read_wanted_templates)

    async def list_recent_videos(self, most: int) -> List[str]:
        """Return the ids of the jobs' videos, the most recent create first."""
        return await self._file.do(queries.read_recent_videos, most)

    async def list_candidates(self) -> List[str]:
        """Return the ids of all candidates of jobs in doubt."""
        return await self._file.do(queries.read_candidates)

    async def is_billed(self, video_id: str) -> bool:
        """Return whether a video is in the ledger."""
        return await self._file.do(queries.is_billed, video_id)

    async def statistics(self) -> BatchStatus:
        """Count the jobs in each state, and sum the ledger."""
        return await self._file.do(queries.read_statistics)

    async def history(self, place: int) -> List[HistoryLine]:
        """Return the steps of a job, the first one first."""
        return await self._file.do(queries.read_history, place)

    async def read_account(self) -> str | None:
        """Return the fingerprint of the account; None before the first run."""
        return await self._file.do(queries.read_meta, "account")

    async def write_account(self, fingerprint: str) -> None:
        """Record the fingerprint of the account."""
        await self._file.do(_write_meta, "account", fingerprint)

    async def read_preset(self, template_id: str) -> str | None:
        """Return the private variant of a template; None before the first."""
        return await self._file.do(queries.read_meta, f"preset {template_id}")

    async def write_preset(self, template_id: str, variant_id: str) -> None:
        """Record the private variant of a template."""
        await self._file.do(_write_meta, f"preset {template_id}", variant_id)

    async def close(self) -> None:
        """Close the file and release its lock, also when cancelled."""
        await self._file.close()

    async def _move(self, place: int, change: Change) -> Outcome:
        return await self._file.do(self._move_one, place, change)

    def _move_one(self, db: sqlite3.Connection, place: int, change: Change) -> Outcome:
        is_billed = change.bill is not None and queries.is_billed(db, change.bill.video_id)
        job = check_change(change, queries.read_job(db, place), is_billed=is_billed)
        if isinstance(job, Conflict):
            return job
        return self._write(db, job, change)

    def _write(self, db: sqlite3.Connection, job: StoredJob, change: Change) -> StoredJob:
        if change.bill is not None:
            line = (change.bill.video_id, job.place, change.bill.charged)
            db.execute("INSERT OR IGNORE INTO videos (id, place, charged) VALUES (?, ?, ?)", line)
        if change.charged is not None:
            change_bill = "UPDATE videos SET charged = ? WHERE id = ? AND place = ?"
            db.execute(change_bill, (change.charged, job.video_id, job.place))
        if change.is_refund:
            refund_bill = "UPDATE videos SET refunded = charged WHERE id = ? AND place = ?"
            db.execute(refund_bill, (job.video_id, job.place))
        fields = build_fields(job, change)
        names = ", ".join(f"{name} = ?" for name in fields)
        values = (*map(_encode, fields.values()), job.place)
        db.execute(f"UPDATE jobs SET {names} WHERE place = ?", values)  # noqa: S608 - names of columns
        self._log(db, job.place, fields["state"], change.note)
        return queries.read_job(db, job.place) or job

    def _log(self, db: sqlite3.Connection, place: int, state: JobState, note: str | None) -> None:
        line = (place, self._now().isoformat(), str(state), note)
        db.execute("INSERT INTO history VALUES (?, ?, ?, ?)", line)

    def _plan_all(self, db: sqlite3.Connection, rows: Iterable[PlanRow], most: int) -> Plan:
        mark, run = queries.read_last_place(db), _begin_run(db)
        refused: List[Conflict | InvalidRow] = []
        for row in rows:
            outcome = row if isinstance(row, InvalidRow) else self._plan(db, row, run)
            if not isinstance(outcome, StoredJob):
                refused.append(outcome)
            if len(refused) == most:
                break
        plan = Plan(tuple(refused), mark)
        if refused:
            raise RollbackWith(plan)
        return plan

    def _plan_one(self, db: sqlite3.Connection, job: Job) -> Outcome:
        return self._plan(db, job, queries.read_run(db))

    def _plan(self, db: sqlite3.Connection, job: Job, run: int) -> Outcome:
        """Plan a job, or return why it is refused; a refusal has changed nothing."""
        found = queries.find_job(db, job.key)
        conflict = find_plan_conflict(job, found, run)
        if conflict is not None:
            return conflict
        if found is None:
            return self._insert(db, job, run)
        if found.body != job.body:
            found = self._write(db, found, correct(job))
        db.execute("UPDATE jobs SET run = ?, origin = ? WHERE place = ?", (run, job.origin, found.place))
        return attrs.evolve(found, run=run, origin=job.origin)

    def _insert(self, db: sqlite3.Connection, job: Job, run: int) -> StoredJob:
        statement = (
            "INSERT INTO jobs (key, body, template_id, resolution, origin, run, state, folded) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
        )
        state = JobState.PLANNED
        values = (job.key, job.body, job.template_id, job.resolution, job.origin, run)
        place = int(db.execute(statement, (*values, str(state), fold_key(job.key))).lastrowid or 0)
        self._log(db, place, state, job.origin)
        return StoredJob(place, *values, state=state)

    def _replan(self, db: sqlite3.Connection, states: Collection[JobState]) -> int:
        wanted = [state for state in states if state in list_sources(Verb.REPLAN)]
        jobs = [job for state in wanted for job in queries.read_in_state(db, state)]
        for job in jobs:
            self._write(db, job, REPLAN)
        return len(jobs)


def _begin_run(db: sqlite3.Connection) -> int:
    run = queries.read_run(db) + 1
    _write_meta(db, "run", str(run))
    return run


def _resume(db: sqlite3.Connection) -> None:
    db.execute("UPDATE jobs SET run = ?", (_begin_run(db),))


def _forget(db: sqlite3.Connection, mark: int) -> None:
    added = (mark, str(JobState.PLANNED))
    db.execute("DELETE FROM history WHERE place IN (SELECT place FROM jobs WHERE place > ? AND state = ?)", added)
    db.execute("DELETE FROM jobs WHERE place > ? AND state = ?", added)


def _write_meta(db: sqlite3.Connection, name: str, value: str) -> None:
    db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))


def _encode(value: Any) -> Any:
    """Return a field as its column stores it: times as ISO 8601 text, candidates as JSON, states as their values."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, JobState):
        return str(value)
    return json.dumps(value) if isinstance(value, tuple) else value
