"""
Write jobs to a SQLite journal, inside a transaction.

Rule: a job's state, the line of its history and its bill are written in one transaction.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any, Callable

import attrs

from bluma_async.stores.jobs import StoredJob
from bluma_async.stores.keys import fold_key
from bluma_async.stores.sqlite import queries
from bluma_async.stores.states import JobState
from bluma_async.stores.transitions import build_fields

if TYPE_CHECKING:
    import sqlite3

    from bluma_async.stores.jobs import Job
    from bluma_async.stores.transitions import Change

__all__ = ["Writer", "write_meta"]


class Writer:
    """Writes jobs, and a line of history for each step."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        """
        Set up the writer.

        Args:
            now: Returns the present time, for the history of jobs.
        """
        self._now = now

    def insert(self, db: sqlite3.Connection, job: Job, run: int) -> StoredJob:
        """Add a job to a run."""
        statement = (
            "INSERT INTO jobs (key, body, template_id, resolution, origin, run, state, folded) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
        )
        state = JobState.PLANNED
        values = (job.key, job.body, job.template_id, job.resolution, job.origin, run)
        place = int(db.execute(statement, (*values, str(state), fold_key(job.key))).lastrowid or 0)
        self._log(db, place, state, job.origin)
        return StoredJob(place, *values, state=state)

    def write(self, db: sqlite3.Connection, job: StoredJob, change: Change) -> StoredJob:
        """Write a change that is allowed; return the job as it is stored now."""
        fields = build_fields(job, change)
        names = ", ".join(f"{name} = ?" for name in fields)
        values = (*map(_encode, fields.values()), job.place)
        db.execute(f"UPDATE jobs SET {names} WHERE place = ?", values)  # noqa: S608 - names of columns
        self._log(db, job.place, fields["state"], change.note)
        charged = _charge(db, job, change)
        is_reused = charged is None and fields.get("video_id", job.video_id) is not None
        return attrs.evolve(job, **fields, charged=charged or 0, is_reused=is_reused)

    def _log(self, db: sqlite3.Connection, place: int, state: JobState, note: str | None) -> None:
        line = (place, self._now().isoformat(), str(state), note)
        db.execute("INSERT INTO history VALUES (?, ?, ?, ?)", line)


def write_meta(db: sqlite3.Connection, name: str, value: str) -> None:
    """Record a value that belongs to the journal as a whole."""
    db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))


def _charge(db: sqlite3.Connection, job: StoredJob, change: Change) -> int | None:
    """Write what a change writes to the ledger; return the job's charge afterwards, None if it has no bill."""
    video_id, place = change.fields.get("video_id", job.video_id), job.place
    if video_id is None:
        return None
    if change.bill is not None:
        line = (change.bill.video_id, place, change.bill.charged)
        added = db.execute("INSERT OR IGNORE INTO videos (id, place, charged) VALUES (?, ?, ?)", line).rowcount
        return change.bill.charged if added else queries.read_charge(db, video_id, place)
    if video_id != job.video_id:
        return queries.read_charge(db, video_id, place)
    if change.charged is not None and change.charged != job.charged:
        db.execute("UPDATE videos SET charged = ? WHERE id = ? AND place = ?", (change.charged, video_id, place))
        return queries.read_charge(db, video_id, place)
    if change.is_refund:
        db.execute("UPDATE videos SET refunded = charged WHERE id = ? AND place = ?", (video_id, place))
    return None if job.is_reused else job.charged


def _encode(value: Any) -> Any:
    """Return a field as its column stores it: times as ISO 8601 text, candidates as JSON, states as their values."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, JobState):
        return str(value)
    return json.dumps(value) if isinstance(value, tuple) else value
