"""
What is written down of jobs: each step of theirs is a function over a connection.

Rule: a job's state and the line of its history are written together, and so are a video and its bill.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Callable, Sequence

from bluma_async.batch import records
from bluma_async.batch.jobs import wrong
from bluma_async.types import JobState
from bluma_async.types._model import utc_now

if TYPE_CHECKING:
    import sqlite3

    from bluma_async.batch.jobs import Job
    from bluma_async.batch.records import Entry

__all__ = [
    "begin_run",
    "bill",
    "doubt",
    "everything",
    "fail",
    "forget",
    "intend",
    "plan",
    "put_back",
    "refund",
    "rendered",
    "replan",
    "saved",
]


def forget(db: sqlite3.Connection, after: int) -> None:
    """Undo what was planned behind this place."""
    db.execute("DELETE FROM history WHERE place > ?", (after,))
    db.execute("DELETE FROM jobs WHERE place > ?", (after,))


def begin_run(db: sqlite3.Connection) -> None:
    """Give the run that begins a number of its own."""
    db.execute("INSERT OR REPLACE INTO meta VALUES ('run', ?)", (str(records.run_of(db) + 1),))


def everything(db: sqlite3.Connection) -> None:
    """Have the present run do all jobs there are."""
    db.execute("UPDATE jobs SET run = ?", (records.run_of(db),))


def plan(db: sqlite3.Connection, job: Job, is_taken: Callable[[str], bool]) -> int:
    """
    Take a job in, or find it again; return its place.

    Raises:
        InvalidArgumentError: Its key is that of another row or another job, or its file is already there.
    """
    run = records.run_of(db)
    found = db.execute("SELECT place, body, run, origin, state FROM jobs WHERE key = ?", (job.key,)).fetchone()
    if found is None:
        if is_taken(job.key):
            raise wrong(job.origin, "key", f"there is a file for {job.key!r} that this journal knows nothing of")
        columns = "key, body, template_id, resolution, origin, run, state"
        values = (job.key, job.body, job.template_id, job.resolution, job.origin, run, str(JobState.PLANNED))
        place = db.execute(f"INSERT INTO jobs ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?)", values).lastrowid  # noqa: S608
        _log(db, int(place or 0), JobState.PLANNED, job.origin)
        return int(place or 0)
    if found["run"] == run:
        same = "it is the same as" if found["body"] == job.body else f"the key {job.key!r} is also that of"
        raise wrong(job.origin, "key", f"{same} {found['origin']}; give each a key of its own")
    if found["body"] != job.body:
        _correct(db, job, found)
    db.execute("UPDATE jobs SET run = ?, origin = ? WHERE place = ?", (run, job.origin, found["place"]))
    return int(found["place"])


def _correct(db: sqlite3.Connection, job: Job, found: sqlite3.Row) -> None:
    """Put another content under a key, if nothing came of the old one."""
    if found["state"] not in (JobState.PLANNED, JobState.FAILED):
        raise wrong(job.origin, "key", f"{job.key!r} was another job in this journal; give it another key")
    values = {"body": job.body, "template_id": job.template_id, "resolution": job.resolution}
    fields = {**values, "video_id": None, "error": None}
    _move(db, records.read(db, found["place"]), JobState.PLANNED, "its content was corrected", **fields)


def intend(db: sqlite3.Connection, entry: Entry, request_key: str, began: str) -> None:
    """Write down that a job is about to be created."""
    _move(db, entry, JobState.CREATING, request_key=request_key, started_at=began)


def put_back(db: sqlite3.Connection, entry: Entry, reason: str) -> None:
    """Write down that a create was not accepted, and may be tried again."""
    _move(db, entry, JobState.PLANNED, reason)


def fail(db: sqlite3.Connection, entry: Entry, reason: str) -> None:
    """Write down that nothing will come of a job."""
    _move(db, entry, JobState.FAILED, reason, error=reason)


def saved(db: sqlite3.Connection, entry: Entry, path: str, size: int | None) -> None:
    """Write down that a job's file is there, and whole."""
    _move(db, entry, JobState.SAVED, path=path, size=size, error=None)


def _move(db: sqlite3.Connection, entry: Entry, state: JobState, text: str | None = None, **fields: object) -> None:
    values = {**fields, "state": str(state)}
    names = ", ".join(f"{name} = ?" for name in values)
    db.execute(f"UPDATE jobs SET {names} WHERE place = ?", (*values.values(), entry.place))  # noqa: S608 - our own names
    _log(db, entry.place, state, text)


def _log(db: sqlite3.Connection, place: int, state: JobState, text: str | None = None) -> None:
    """Add a line to a job's history."""
    db.execute("INSERT INTO history VALUES (?, ?, ?, ?)", (place, utc_now().isoformat(), str(state), text))


def bill(db: sqlite3.Connection, entry: Entry, video_id: str, charged: int, text: str | None = None) -> None:
    """Write down the video that a job became, and what it cost."""
    db.execute("INSERT OR IGNORE INTO videos (id, place, charged) VALUES (?, ?, ?)", (video_id, entry.place, charged))
    _move(db, entry, JobState.RENDERING, text, video_id=video_id, error=None, candidates="[]")


def doubt(db: sqlite3.Connection, entry: Entry, candidates: Sequence[str], reason: str) -> None:
    """Write down that several videos may be a job's, and nobody knows which."""
    _move(db, entry, JobState.IN_DOUBT, reason, error=reason, candidates=json.dumps(list(candidates)))


def rendered(db: sqlite3.Connection, entry: Entry, charged: int, size: int | None) -> None:
    """Write down that a video is there, and what its last reading told of it."""
    db.execute("UPDATE videos SET charged = ? WHERE id = ?", (charged, entry.video_id))
    _move(db, entry, JobState.RENDERED, size=size, error=None)


def refund(db: sqlite3.Connection, entry: Entry, reason: str) -> None:
    """Write down that a render failed, and that its credits were given back."""
    db.execute("UPDATE videos SET refunded = charged WHERE id = ?", (entry.video_id,))
    _move(db, entry, JobState.FAILED, reason, error=reason)


def replan(db: sqlite3.Connection, states: Sequence[JobState]) -> int:
    """Have jobs that ended made once more; return how many. Their earlier videos and bills stay in the books."""
    count = 0
    for state in states:
        for row in db.execute(records.SELECT + "WHERE state = ?", (str(state),)).fetchall():
            _move(db, records.entry_of(row), JobState.PLANNED, "retried", video_id=None, error=None, candidates="[]")
            count += 1
    return count
