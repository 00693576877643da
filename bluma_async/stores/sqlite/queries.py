"""Read jobs from a SQLite journal: every query is a function of a connection, for use inside a transaction."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any, Dict, List, Sequence

from bluma_async.stores.jobs import PAGE_SIZE, HistoryLine, LedgerLine, StoredJob, WantedTemplate, summarize
from bluma_async.stores.keys import fold_key
from bluma_async.stores.states import ENDED, JobState

if TYPE_CHECKING:
    import sqlite3

    from bluma_async.stores.jobs import BatchStatus

__all__ = [
    "find_announced",
    "find_job",
    "find_jobs",
    "is_billed",
    "read_candidates",
    "read_charge",
    "read_first_create",
    "read_history",
    "read_in_state",
    "read_job",
    "read_last_place",
    "read_ledger",
    "read_meta",
    "read_page",
    "read_recent_videos",
    "read_run",
    "read_statistics",
    "read_to_do",
    "read_wanted_templates",
]

MOST_VALUES = 500  # in one query; older releases of SQLite take 999
# In the order of the fields of StoredJob, which is made from a row by position: that is three times as fast.
COLUMNS = (
    "place, key, body, template_id, resolution, origin, run, state, request_key, started_at, video_id, path, size, "
    "error, candidates, (SELECT charged FROM videos WHERE id = video_id AND place = jobs.place)"
)
SELECT = f"SELECT {COLUMNS} FROM jobs "  # noqa: S608 - names of columns
STATE, STARTED_AT, VIDEO_ID, CANDIDATES, CHARGED = 7, 9, 10, 14, 15


def parse_job(row: sqlite3.Row) -> StoredJob:
    """Return a row of the table as a job."""
    fields: List[Any] = list(row)
    fields[STATE] = JobState(fields[STATE])
    if fields[STARTED_AT]:
        fields[STARTED_AT] = datetime.fromisoformat(fields[STARTED_AT])
    fields[CANDIDATES] = () if fields[CANDIDATES] == "[]" else tuple(json.loads(fields[CANDIDATES]))
    fields.append(fields[VIDEO_ID] is not None and fields[CHARGED] is None)
    fields[CHARGED] = fields[CHARGED] or 0
    return StoredJob(*fields)


def read_job(db: sqlite3.Connection, place: int) -> StoredJob | None:
    """Return the job of a place."""
    row = db.execute(SELECT + "WHERE place = ?", (place,)).fetchone()
    return parse_job(row) if row else None


def find_job(db: sqlite3.Connection, key: str) -> StoredJob | None:
    """Return the job of a key; in a journal of an earlier release, several keys may be equal when they are folded."""
    where = "WHERE folded = ? ORDER BY key = ? DESC, place LIMIT 1"
    row = db.execute(SELECT + where, (fold_key(key), key)).fetchone()
    return parse_job(row) if row else None


def find_jobs(db: sqlite3.Connection, keys: Sequence[str]) -> Dict[str, StoredJob]:
    """Return the jobs that have one of these keys, by the rules of `find_job`."""
    found: Dict[str, StoredJob] = {}
    folded = {key: fold_key(key) for key in keys}
    wanted = sorted(set(folded.values()))
    by_folded: Dict[str, List[StoredJob]] = {}
    for start in range(0, len(wanted), MOST_VALUES):
        part = wanted[start : start + MOST_VALUES]
        where = f"WHERE folded IN ({','.join('?' * len(part))}) ORDER BY place"
        for row in db.execute(SELECT + where, part):
            by_folded.setdefault(fold_key(row["key"]), []).append(parse_job(row))
    for key, name in folded.items():
        jobs = by_folded.get(name, [])
        if jobs:
            found[key] = next((job for job in jobs if job.key == key), jobs[0])
    return found


def read_to_do(db: sqlite3.Connection, after: int) -> List[StoredJob]:
    """Return the next jobs of the present run that have not ended."""
    ended = map(str, ENDED)
    # `+run` keeps the index on runs out: with it, SQLite would sort all the jobs of the run for each page.
    where = "WHERE +run = ? AND place > ? AND state NOT IN (?, ?) ORDER BY place LIMIT ?"
    return [parse_job(row) for row in db.execute(SELECT + where, (read_run(db), after, *ended, PAGE_SIZE))]


def read_page(db: sqlite3.Connection, state: str | None, after: int) -> List[StoredJob]:
    """Return the next jobs in one state, or in any."""
    where = "WHERE place > ? AND (? IS NULL OR state = ?) ORDER BY place LIMIT ?"
    return [parse_job(row) for row in db.execute(SELECT + where, (after, state, state, PAGE_SIZE))]


def read_in_state(db: sqlite3.Connection, state: JobState) -> List[StoredJob]:
    """Return all jobs in a state."""
    return [parse_job(row) for row in db.execute(SELECT + "WHERE state = ? ORDER BY place", (str(state),))]


def read_wanted_templates(db: sqlite3.Connection) -> List[WantedTemplate]:
    """Return the templates and resolutions that the planned jobs of the present run need."""
    rows = db.execute(
        "SELECT template_id, resolution, origin, min(place) FROM jobs "
        "WHERE run = ? AND state = ? AND template_id IS NOT NULL GROUP BY template_id, resolution",
        (read_run(db), str(JobState.PLANNED)),
    )
    return [WantedTemplate(row["template_id"], row["resolution"], row["origin"]) for row in rows]


def read_last_place(db: sqlite3.Connection) -> int:
    """Return the place of the newest job; 0 if there is none."""
    return int(db.execute("SELECT coalesce(max(place), 0) FROM jobs").fetchone()[0])


def is_billed(db: sqlite3.Connection, video_id: str) -> bool:
    """Return whether a video is in the ledger."""
    return db.execute("SELECT 1 FROM videos WHERE id = ?", (video_id,)).fetchone() is not None


def read_charge(db: sqlite3.Connection, video_id: str, place: int) -> int | None:
    """Return the charge of a video that was billed for a job; None if it was not billed for this job."""
    row = db.execute("SELECT charged FROM videos WHERE id = ? AND place = ?", (video_id, place)).fetchone()
    return None if row is None else int(row["charged"])


def read_candidates(db: sqlite3.Connection) -> List[str]:
    """Return the candidates of all jobs in doubt."""
    rows = db.execute("SELECT candidates FROM jobs WHERE state = ?", (str(JobState.IN_DOUBT),))
    return [video_id for row in rows for video_id in json.loads(row["candidates"])]


def read_recent_videos(db: sqlite3.Connection, most: int) -> List[str]:
    """Return the ids of the jobs' videos, the most recent create first."""
    rows = db.execute("SELECT video_id FROM jobs WHERE video_id IS NOT NULL ORDER BY started_at DESC LIMIT ?", (most,))
    return [row["video_id"] for row in rows]


def read_statistics(db: sqlite3.Connection) -> BatchStatus:
    """Count the jobs in each state, and sum the ledger."""
    counts = {row[0]: row[1] for row in db.execute("SELECT state, count(*) FROM jobs GROUP BY state")}
    sums = "SELECT coalesce(sum(charged), 0), coalesce(sum(refunded), 0) FROM videos"
    charged, refunded = db.execute(sums).fetchone()
    return summarize(counts, charged, refunded)


def read_ledger(db: sqlite3.Connection, after: str) -> List[LedgerLine]:
    """Return the next lines of the ledger, in the order of the videos' ids."""
    query = (
        "SELECT id, coalesce(key, ''), charged, refunded FROM videos LEFT JOIN jobs USING (place) "
        "WHERE id > ? ORDER BY id LIMIT ?"
    )
    return [LedgerLine(*row) for row in db.execute(query, (after, PAGE_SIZE))]


def find_announced(db: sqlite3.Connection, video_ids: Sequence[str]) -> Dict[str, datetime]:
    """Return when the creates of these videos were announced, as far as a job has them."""
    marks = ", ".join("?" * len(video_ids))
    query = (
        "SELECT id, max(at) FROM videos JOIN jobs USING (place) JOIN history h USING (place) "  # noqa: S608 - marks
        f"WHERE video_id = id AND h.state = 'creating' AND id IN ({marks}) GROUP BY id"
    )
    return {video_id: datetime.fromisoformat(at) for video_id, at in db.execute(query, tuple(video_ids))}


def read_first_create(db: sqlite3.Connection) -> datetime | None:
    """Return when the first create was announced, by the clock of its process; None before it."""
    row = db.execute("SELECT min(at) AS at FROM history WHERE state = 'creating'").fetchone()
    return None if row["at"] is None else datetime.fromisoformat(row["at"])


def read_history(db: sqlite3.Connection, place: int) -> List[HistoryLine]:
    """Return the steps of a job."""
    rows = db.execute("SELECT at, state, note FROM history WHERE place = ? ORDER BY rowid", (place,))
    return [HistoryLine(datetime.fromisoformat(row["at"]), JobState(row["state"]), row["note"]) for row in rows]


def read_meta(db: sqlite3.Connection, name: str) -> str | None:
    """Return a value that belongs to the journal as a whole."""
    row = db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
    return None if row is None else str(row["value"])


def read_run(db: sqlite3.Connection) -> int:
    """Return the number of the present run."""
    return int(read_meta(db, "run") or 0)
