"""
Tell what all processes know about the videos that a search for a create has found.

Rule 1: creates of one template take turns. A process that holds its create has only those in doubt beside it.
Rule 2: a process that does not hold it concludes nothing from a video that no create explains, while another create of
the template is open, or in doubt without candidates.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Sequence

from bluma_async._wire.certainty import Explained
from bluma_async.stores.postgres import queries
from bluma_async.stores.postgres.rows import fetch_all, fetch_one
from bluma_async.stores.sharing import DOUBT_MATTERS

if TYPE_CHECKING:
    from bluma_async.stores.postgres.rows import Connection

__all__ = ["explain"]

KNOWN = (
    "SELECT id FROM bluma_videos WHERE id = ANY(%s) UNION SELECT video_id FROM bluma_intents WHERE video_id = ANY(%s) "
    "UNION SELECT video_id FROM bluma_strays WHERE video_id = ANY(%s) AND request_key IS DISTINCT FROM %s"
)
RIVAL = """
SELECT 1 FROM bluma_intents other LEFT JOIN bluma_jobs j ON j.place = other.place
WHERE other.account = %s AND other.id <> %s AND (other.outcome IS NULL OR other.outcome = 'doubt')
    AND (%s::text IS NULL OR other.template_id IS NULL OR other.template_id = %s)
    AND CASE WHEN other.outcome IS NULL THEN %s ELSE
        (other.place IS NULL OR j.state = 'in_doubt') AND cardinality(coalesce(j.candidates, other.candidates)) = 0
        AND other.sent_at > clock_timestamp() - %s * interval '1 second' END
LIMIT 1
"""


async def explain(db: Connection, video_ids: Sequence[str], own: str | int, request_key: str, epoch: int) -> Explained:
    """
    Return what all processes know about these videos, and whether an open create is still this process's.

    Args:
        db: The connection.
        video_ids: The videos.
        own: The create: its `Idempotency-Key`, or the number of its intent.
        request_key: Its `Idempotency-Key`.
        epoch: This process.
    """
    wanted, name = list(video_ids), "request_key" if isinstance(own, str) else "id"
    names = [row["id"] for row in await fetch_all(db, KNOWN, wanted, wanted, wanted, request_key)]
    contested = [video_id for video_id in await queries.read_candidates(db) if video_id in set(wanted)]
    query = f"SELECT id, template_id, epoch, outcome FROM bluma_intents WHERE {name} = %s LIMIT 2"  # noqa: S608 - a constant
    rows = await fetch_all(db, query, own)
    row = rows[0] if len(rows) == 1 else {"id": 0, "template_id": None, "epoch": 0, "outcome": None}
    is_mine = row["epoch"] == epoch and row["outcome"] is None
    given = (await queries.read_account(db), row["id"], row["template_id"], row["template_id"], not is_mine)
    has_rival = await fetch_one(db, RIVAL, *given, DOUBT_MATTERS) is not None
    if is_mine and has_rival:
        contested = [video_id for video_id in wanted if video_id not in names]
    return Explained(tuple(names), tuple(contested), is_mine, has_rival and not is_mine)
