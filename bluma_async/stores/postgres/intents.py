"""
The statements about intents of creates, which have a process that works on them, or had one.

Rule 1: an intent is left if its process is dead, or has given it back (epoch 0), or has not recorded its outcome for a
long time. It is ripe when a search can settle it.
Rule 2: the time of a claim counts like that of an announcement: the process that settles it has as long.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bluma_async.stores.postgres.owners import UNBILLED
from bluma_async.stores.postgres.rows import fetch_all, fetch_one

if TYPE_CHECKING:
    from bluma_async.stores.postgres.rows import Connection

__all__ = ["BEGIN", "BEGIN_AGAIN", "CLAIM", "LEFT", "OWNER", "RIPE", "RIVAL", "SELECT", "find_made"]

OWNER = "CASE WHEN i.place IS NULL THEN i.epoch ELSE (SELECT holder FROM bluma_jobs j WHERE j.place = i.place) END"
STALE = 300.0  # seconds after which a living process loses a create that it has not recorded
LIVING = f"SELECT FROM bluma_workers w WHERE w.epoch = {OWNER} AND w.ends_at >= clock_timestamp()"
IS_STALE = f"place IS NULL AND clock_timestamp() > sent_at + (settles_after + {STALE}) * interval '1 second'"
LEFT = f"(NOT EXISTS ({LIVING}) OR {IS_STALE})"
RIPE = "clock_timestamp() > sent_at + settles_after * interval '1 second'"
COLUMNS = "id, request_key, template_id, started_at, is_accepted, place, name, content, outcome, video_id, epoch"
AGE = "extract(epoch FROM clock_timestamp() - sent_at)::float AS age"
SELECT = f"SELECT {COLUMNS}, {AGE}, ({LEFT} AND {RIPE}) AS is_lost FROM bluma_intents i "  # noqa: S608 - constants
RIVAL = (
    "WHERE account = %s AND outcome IS NULL AND id <> %s "
    "AND (template_id IS NULL OR %s::text IS NULL OR template_id = %s) ORDER BY id LIMIT 1"
)
MADE = "SELECT video_id FROM bluma_intents WHERE place IS NULL AND outcome = 'billed' AND"
OR_STRAY = (
    "UNION ALL SELECT video_id FROM bluma_strays s WHERE request_key IN "  # noqa: S608 - constants
    "(%s, (SELECT request_key FROM bluma_intents WHERE id = %s AND place IS NOT NULL)) "
    f"AND {UNBILLED} LIMIT 1"
)
BEGIN = (
    "INSERT INTO bluma_intents (account, template_id, request_key, name, content, epoch, made_by, started_at, "
    "settles_after) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING id"
)
BEGIN_AGAIN = (
    "UPDATE bluma_intents SET account = %s, template_id = %s, request_key = %s, name = %s, content = %s, epoch = %s, "
    "made_by = %s, started_at = %s, settles_after = %s, sent_at = clock_timestamp(), outcome = NULL, video_id = NULL, "
    "candidates = '{}', is_accepted = false WHERE id = %s RETURNING id"
)
CLAIM = (
    "UPDATE bluma_intents SET epoch = %s, outcome = NULL, candidates = '{}', sent_at = clock_timestamp() WHERE id = %s"
)


async def find_made(db: Connection, number: int | None, stray_key: str, request_key: str) -> str | None:
    """Return the recorded video of a create: of its intent, of a stray, or without a number of its request."""
    if number is None:
        rows = await fetch_all(db, f"{MADE} request_key = %s LIMIT 2", request_key)
        return rows[0]["video_id"] if len(rows) == 1 else None  # callers may use a header twice
    row = await fetch_one(db, f"{MADE} id = %s {OR_STRAY}", number, stray_key, number)
    return None if row is None else row["video_id"]
