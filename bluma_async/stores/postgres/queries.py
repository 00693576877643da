"""Read jobs from PostgreSQL: every query is a function of a connection, for use inside a transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, List, Sequence

from bluma_async.stores.jobs import PAGE_SIZE, HistoryLine, LedgerLine, StoredJob, WantedTemplate, summarize
from bluma_async.stores.keys import fold_key
from bluma_async.stores.postgres.rows import execute, fetch_all, fetch_one
from bluma_async.stores.states import ENDED, JobState

if TYPE_CHECKING:
    from datetime import datetime

    from bluma_async.stores.jobs import BatchStatus
    from bluma_async.stores.postgres.rows import Connection, Row

__all__ = [
    "COLUMNS",
    "find_announced",
    "find_job",
    "find_jobs",
    "hold_meta",
    "is_billed",
    "parse_job",
    "read_account",
    "read_candidates",
    "read_first_create",
    "read_history",
    "read_in_state",
    "read_job",
    "read_last_place",
    "read_ledger",
    "read_meta",
    "read_page",
    "read_recent_videos",
    "read_statistics",
    "read_to_do",
    "read_wanted_templates",
    "write_meta",
]

COLUMNS = (
    "place, key, body, template_id, resolution, origin, run, state, holder, request_key, started_at, video_id, path, "
    "size, error, candidates, "
    "(SELECT charged FROM bluma_videos v WHERE v.id = video_id AND v.place = bluma_jobs.place) AS charged"
)
LEDGER = (  # the bills of jobs, and those of creates without a job; NULL is unknown there, and 0 is no charge
    "SELECT * FROM (SELECT v.id AS video_id, coalesce(key, '') AS key, charged, refunded "
    "FROM bluma_videos v LEFT JOIN bluma_jobs j USING (place) "
    "UNION ALL SELECT video_id, coalesce(name, ''), nullif(charged, 0), NULL FROM bluma_intents i "
    "WHERE place IS NULL AND outcome = 'billed' AND charged IS NOT NULL "
    "AND NOT EXISTS (SELECT FROM bluma_videos v WHERE v.id = i.video_id)) lines"
)
SELECT = f"SELECT {COLUMNS} FROM bluma_jobs "  # noqa: S608 - a constant of this module


def parse_job(row: Row) -> StoredJob:
    """Return a row of the table as a job."""
    fields: Dict[str, Any] = {**row, "state": JobState(row["state"]), "candidates": tuple(row["candidates"])}
    is_reused = row["video_id"] is not None and row["charged"] is None
    fields["charged"] = row["charged"] or 0
    return StoredJob(epoch=fields.pop("holder") or 0, is_reused=is_reused, **fields)


async def read_job(db: Connection, place: int, *, locks: bool = False) -> StoredJob | None:
    """Return a job by its place; `locks` keeps it unchanged until the end of the transaction."""
    row = await fetch_one(db, f"{SELECT} WHERE place = %s{' FOR UPDATE OF bluma_jobs' if locks else ''}", place)
    return None if row is None else parse_job(row)


async def find_job(db: Connection, key: str) -> StoredJob | None:
    """Return a job by its key."""
    row = await fetch_one(db, f"{SELECT} WHERE folded = %s", fold_key(key))
    return None if row is None else parse_job(row)


async def find_jobs(db: Connection, keys: Sequence[str]) -> Dict[str, StoredJob]:
    """Return the jobs that have one of these keys."""
    folded = {key: fold_key(key) for key in keys}
    jobs = await _read(db, "WHERE folded = ANY(%s)", sorted(set(folded.values())))
    by_folded = {fold_key(job.key): job for job in jobs}
    return {key: by_folded[name] for key, name in folded.items() if name in by_folded}


async def read_to_do(db: Connection, run: int, after: int) -> List[StoredJob]:
    """Return the next jobs of a run, and of those that began later, that have not failed and are not in doubt."""
    condition = "WHERE run >= %s AND place > %s AND state <> ALL(%s) ORDER BY place LIMIT %s"
    return await _read(db, condition, run, after, [str(state) for state in ENDED], PAGE_SIZE)


async def read_page(db: Connection, state: str | None, after: int) -> List[StoredJob]:
    """Return the next jobs in one state, or in any."""
    condition = "WHERE place > %s AND (%s::text IS NULL OR state = %s) ORDER BY place LIMIT %s"
    return await _read(db, condition, after, state, state, PAGE_SIZE)


async def read_in_state(db: Connection, states: Sequence[str], *, locks: bool = False) -> List[StoredJob]:
    """Return all jobs in these states; `locks` keeps them unchanged until the end of the transaction."""
    condition = f"WHERE state = ANY(%s) ORDER BY place{' FOR UPDATE OF bluma_jobs' if locks else ''}"
    return await _read(db, condition, list(states))


async def _read(db: Connection, condition: str, *values: object) -> List[StoredJob]:
    return [parse_job(row) for row in await fetch_all(db, SELECT + condition, *values)]


async def read_wanted_templates(db: Connection, run: int) -> List[WantedTemplate]:
    """Return the templates and resolutions that the planned jobs of a run need, each with its first row."""
    rows = await fetch_all(
        db,
        "SELECT DISTINCT ON (template_id, resolution) template_id, resolution, origin FROM bluma_jobs "
        "WHERE run = %s AND state = 'planned' AND template_id IS NOT NULL ORDER BY template_id, resolution, place",
        run,
    )
    return [WantedTemplate(row["template_id"], row["resolution"], row["origin"]) for row in rows]


async def read_last_place(db: Connection) -> int:
    """Return the place of the newest job; 0 if there is none."""
    row = await fetch_one(db, "SELECT coalesce(max(place), 0) AS place FROM bluma_jobs")
    return int(row["place"]) if row else 0


async def is_billed(db: Connection, video_id: str) -> bool:
    """Return whether a video is in the ledger."""
    return await fetch_one(db, "SELECT 1 FROM bluma_videos WHERE id = %s", video_id) is not None


async def read_candidates(db: Connection) -> List[str]:
    """Return the candidates of all jobs in doubt, and of other creates in doubt."""
    query = (
        "SELECT id FROM (SELECT unnest(candidates) AS id FROM bluma_jobs WHERE state = 'in_doubt' ORDER BY place) jobs "
        "UNION ALL SELECT unnest(candidates) FROM bluma_intents WHERE outcome = 'doubt' AND place IS NULL"
    )
    return [row["id"] for row in await fetch_all(db, query)]


async def read_recent_videos(db: Connection, most: int) -> List[str]:
    """Return the ids of the videos of jobs and of other creates, the most recent create first."""
    query = (
        "SELECT video_id FROM ("
        "(SELECT video_id, started_at FROM bluma_jobs WHERE video_id IS NOT NULL "
        "ORDER BY started_at DESC NULLS LAST LIMIT %s) UNION ALL "
        "(SELECT video_id, started_at FROM bluma_intents WHERE place IS NULL AND video_id IS NOT NULL "
        "ORDER BY sent_at DESC LIMIT %s)) found ORDER BY started_at DESC NULLS LAST LIMIT %s"
    )
    return [row["video_id"] for row in await fetch_all(db, query, most, most, most)]


async def read_statistics(db: Connection) -> BatchStatus:
    """Count the jobs in each state, and sum the ledger."""
    rows = await fetch_all(db, "SELECT state, count(*) AS number FROM bluma_jobs GROUP BY state")
    sums = "SELECT coalesce(sum(charged), 0) AS charged, coalesce(sum(refunded), 0) AS refunded FROM bluma_videos"
    row = await fetch_one(db, sums) or {"charged": 0, "refunded": 0}
    counts = {entry["state"]: entry["number"] for entry in rows}
    return summarize(counts, int(row["charged"]), int(row["refunded"]))


async def read_ledger(db: Connection, after: str) -> List[LedgerLine]:
    """Return the next lines of the ledger, in the order of the bytes of the videos' ids."""
    query = f'{LEDGER} WHERE video_id COLLATE "C" > %s ORDER BY video_id COLLATE "C" LIMIT %s'
    return [LedgerLine(**row) for row in await fetch_all(db, query, after, PAGE_SIZE)]


async def read_first_create(db: Connection) -> datetime | None:
    """Return when the first create was announced, with or without a job; None before it."""
    query = (
        "SELECT least((SELECT min(at) FROM bluma_history WHERE state = 'creating'), "
        "(SELECT min(started_at) FROM bluma_intents WHERE place IS NULL)) AS at"
    )
    row = await fetch_one(db, query)
    return None if row is None else row["at"]


async def find_announced(db: Connection, video_ids: Sequence[str]) -> Dict[str, datetime]:
    """Return when the creates of these videos were announced, as far as a job has them."""
    query = (
        "SELECT v.id, max(h.at) AS at FROM bluma_videos v JOIN bluma_jobs j USING (place) JOIN bluma_history h "
        "USING (place) WHERE j.video_id = v.id AND h.state = 'creating' AND v.id = ANY(%s) GROUP BY v.id"
    )
    return {row["id"]: row["at"] for row in await fetch_all(db, query, list(video_ids))}


async def read_history(db: Connection, place: int) -> List[HistoryLine]:
    """Return the steps of a job; the first one, its plan, is stored with the job itself."""
    rows = await fetch_all(
        db,
        "SELECT planned_at AS at, 'planned' AS state, planned_from AS note, 0 AS id FROM bluma_jobs WHERE place = %s "
        "UNION ALL SELECT at, state, note, id FROM bluma_history WHERE place = %s ORDER BY id",
        place,
        place,
    )
    return [HistoryLine(row["at"], JobState(row["state"]), row["note"]) for row in rows]


async def read_meta(db: Connection, name: str) -> str | None:
    """Return a value that belongs to the journal as a whole."""
    row = await fetch_one(db, "SELECT value FROM bluma_meta WHERE name = %s", name)
    return None if row is None else str(row["value"])


async def hold_meta(db: Connection, name: str, value: str) -> str:
    """Record a value if there is none yet, and return the recorded one. Other transactions wait until this one ends."""
    statement = (  # the update changes nothing, but locks the row and returns it
        "INSERT INTO bluma_meta VALUES (%s, %s) "
        "ON CONFLICT (name) DO UPDATE SET value = bluma_meta.value RETURNING value"
    )
    row = await fetch_one(db, statement, name, value)
    return value if row is None else str(row["value"])


async def write_meta(db: Connection, name: str, value: str) -> None:
    """Record a value that belongs to the journal as a whole."""
    statement = "INSERT INTO bluma_meta VALUES (%s, %s) ON CONFLICT (name) DO UPDATE SET value = %s"
    await execute(db, statement, name, value, value)


async def read_account(db: Connection) -> int:
    """Return the number of the journal's account; 0 before its first run."""
    return int(await read_meta(db, "account_number") or 0)
