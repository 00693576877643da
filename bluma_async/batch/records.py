"""What the journal says of jobs: everything that is read from it, each a function over a connection."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, Dict, List

import attrs

from bluma_async.errors import BlumaError
from bluma_async.types import BatchResult, BatchStatus, JobState

if TYPE_CHECKING:
    import sqlite3


__all__ = [
    "SELECT",
    "Entry",
    "creating",
    "entry_of",
    "find",
    "found_in_doubt",
    "is_billed",
    "is_explained",
    "is_open",
    "is_whole",
    "last_place",
    "listed",
    "note",
    "read",
    "recent_videos",
    "run_of",
    "statistics",
    "to_do",
    "wanted",
]

PAGE = 200
END = (JobState.FAILED, JobState.IN_DOUBT)


@attrs.define
class Entry:
    """A job as the journal has it."""

    place: int
    key: str
    body: str
    template_id: str | None
    resolution: str | None
    origin: str
    run: int
    state: JobState = attrs.field(converter=JobState)
    request_key: str | None
    started_at: str | None
    video_id: str | None
    path: str | None
    size: int | None
    error: str | None
    candidates: List[str] = attrs.field(converter=json.loads)
    charged: int = 0

    @property
    def arguments(self) -> Dict[str, Any]:
        """What its create is called with."""
        found: Dict[str, Any] = json.loads(self.body)
        return found

    def result(self, error: BlumaError | None = None) -> BatchResult:
        """Return what the user is told of it."""
        known = BlumaError(self.error) if self.error else None
        return BatchResult(
            key=self.key,
            state=self.state,
            video_id=self.video_id,
            path=self.path,
            credits_charged=self.charged,
            error=error or known,
            candidates=list(self.candidates),
        )


SELECT = "SELECT *, coalesce((SELECT charged FROM videos WHERE id = video_id), 0) AS charged FROM jobs "


def entry_of(row: sqlite3.Row) -> Entry:
    """Return a row as an entry."""
    return Entry(**{name: row[name] for name in row.keys()})  # noqa: SIM118 - a row is no mapping


def wanted(db: sqlite3.Connection) -> List[tuple[str, str | None, str]]:
    """Return each template that is still to be created from, with each resolution and one row that asks for it."""
    rows = db.execute(
        "SELECT template_id, resolution, origin, min(place) FROM jobs "
        "WHERE run = ? AND state = ? AND template_id IS NOT NULL GROUP BY template_id, resolution",
        (run_of(db), str(JobState.PLANNED)),
    )
    return [(row["template_id"], row["resolution"], row["origin"]) for row in rows]


def last_place(db: sqlite3.Connection) -> int:
    """Return the place of the newest job."""
    return int(db.execute("SELECT coalesce(max(place), 0) FROM jobs").fetchone()[0])


def find(db: sqlite3.Connection, key: str) -> Entry | None:
    """Return the job of this key."""
    row = db.execute(SELECT + "WHERE key = ?", (key,)).fetchone()
    return entry_of(row) if row else None


def to_do(db: sqlite3.Connection, after: int, *, saves: bool) -> tuple[List[Entry], int | None]:
    """
    Return the next jobs of this run that are not at their end, and where to go on; None when there are no more.

    A saved job whose file is gone, or of another size, is to be saved again.
    """
    rows = db.execute(
        SELECT + "WHERE run = ? AND place > ? ORDER BY place LIMIT ?", (run_of(db), after, PAGE)
    ).fetchall()
    entries = [entry_of(row) for row in rows]
    return [entry for entry in entries if is_open(entry, saves=saves)], entries[-1].place if entries else None


def read(db: sqlite3.Connection, place: int) -> Entry:
    """Return the job of this place."""
    return entry_of(db.execute(SELECT + "WHERE place = ?", (place,)).fetchone())


def listed(db: sqlite3.Connection, state: str | None, after: int) -> List[Entry]:
    """Return the next jobs there are, of one state or of all."""
    rows = db.execute(
        SELECT + "WHERE place > ? AND (? IS NULL OR state = ?) ORDER BY place LIMIT ?", (after, state, state, PAGE)
    )
    return [entry_of(row) for row in rows]


def creating(db: sqlite3.Connection) -> List[Entry]:
    """Return the jobs whose create was begun, and not ended."""
    return [entry_of(row) for row in db.execute(SELECT + "WHERE state = ? ORDER BY place", (str(JobState.CREATING),))]


def is_billed(db: sqlite3.Connection, video_id: str) -> bool:
    """Whether a video is some job's already."""
    return db.execute("SELECT 1 FROM videos WHERE id = ?", (video_id,)).fetchone() is not None


def is_explained(db: sqlite3.Connection, video_id: str) -> bool:
    """Whether a video is some job's already, or was a candidate for another one."""
    return is_billed(db, video_id) or video_id in found_in_doubt(db)


def found_in_doubt(db: sqlite3.Connection) -> List[str]:
    """Return all candidates for jobs in doubt."""
    rows = db.execute("SELECT candidates FROM jobs WHERE state = ?", (str(JobState.IN_DOUBT),))
    return [video_id for row in rows for video_id in json.loads(row["candidates"])]


def recent_videos(db: sqlite3.Connection, count: int) -> List[str]:
    """Return the videos that were created last."""
    rows = db.execute("SELECT video_id FROM jobs WHERE video_id IS NOT NULL ORDER BY started_at DESC LIMIT ?", (count,))
    return [row["video_id"] for row in rows]


def statistics(db: sqlite3.Connection) -> BatchStatus:
    """Count and sum."""
    counts = {row[0]: row[1] for row in db.execute("SELECT state, count(*) FROM jobs GROUP BY state")}
    charged, refunded = db.execute(
        "SELECT coalesce(sum(charged), 0), coalesce(sum(refunded), 0) FROM videos"
    ).fetchone()
    return BatchStatus(total=sum(counts.values()), credits_charged=charged, credits_refunded=refunded, **counts)


def note(db: sqlite3.Connection, name: str, value: str | None = None) -> str | None:
    """Return what is noted under a name; with a value, note that first."""
    if value is not None:
        db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))
    row = db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
    return None if row is None else str(row["value"])


def run_of(db: sqlite3.Connection) -> int:
    """Return the number of the present run."""
    return int(note(db, "run") or 0)


def is_open(entry: Entry, *, saves: bool) -> bool:
    """Whether something is to be done for a job."""
    if entry.state in END:
        return False
    if entry.state == JobState.RENDERED:
        return saves
    return entry.state != JobState.SAVED or (saves and not is_whole(entry.path, entry.size))


def is_whole(path: str | None, size: int | None) -> bool:
    """Whether a file is there, and as long as it should be."""
    try:
        return path is not None and os.stat(path).st_size == size  # noqa: PTH116 - a million times
    except OSError:
        return False
