"""
Find out whose a video is: by the ledger, the intents of creates, the strays, and the candidates of creates in doubt.

A create is named by its `Idempotency-Key` if it has a job, and otherwise by the number of its intent: callers may use a
header twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bluma_async.stores.postgres.rows import fetch_one
from bluma_async.stores.sharing import VideoOwner

if TYPE_CHECKING:
    from bluma_async.stores.postgres.rows import Connection

__all__ = ["build_stray_key", "find_owner", "find_stray", "lock_video"]

OWNER = (
    "SELECT NOT EXISTS (SELECT FROM bluma_intents i WHERE i.video_id = %s AND {own} = %s) AND ("
    "EXISTS (SELECT FROM bluma_videos WHERE id = %s) OR EXISTS (SELECT FROM bluma_intents WHERE video_id = %s)"
    ") AS is_billed, "
    "EXISTS (SELECT FROM bluma_strays WHERE video_id = %s AND request_key IS DISTINCT FROM %s) AS is_stray, "
    "EXISTS (SELECT FROM bluma_intents i LEFT JOIN bluma_jobs j ON j.place = i.place AND j.state = 'in_doubt' "
    "WHERE i.outcome = 'doubt' AND {own} <> %s AND (i.place IS NULL OR j.place IS NOT NULL) "
    "AND %s = ANY(coalesce(j.candidates, i.candidates))) AS is_candidate, "
    "EXISTS (SELECT FROM bluma_intents i WHERE {own} = %s AND i.epoch = %s AND i.outcome IS NULL) AS is_mine"
)
UNBILLED = (  # strays that need nothing more are left out: their video was billed, for any create
    "NOT EXISTS (SELECT FROM bluma_videos v WHERE v.id = s.video_id) "
    "AND NOT EXISTS (SELECT FROM bluma_intents b WHERE b.video_id = s.video_id)"
)
STRAY = f"SELECT video_id FROM bluma_strays s WHERE request_key = %s AND {UNBILLED} ORDER BY id LIMIT 1"  # noqa: S608 - constants


async def find_owner(db: Connection, video_id: str, own: str | int, epoch: int) -> VideoOwner:
    """
    Return the recorded facts about a video and a create.

    Args:
        db: The connection.
        video_id: The video.
        own: The create: its `Idempotency-Key`, or the number of its intent.
        epoch: The process that may hold the create.
    """
    query = OWNER.format(own="i.request_key" if isinstance(own, str) else "i.id")
    stray = own if isinstance(own, str) else build_stray_key(own)
    values = (video_id, own, video_id, video_id, video_id, stray, own, video_id, own, epoch)
    row = await fetch_one(db, query, *values)
    return VideoOwner() if row is None else VideoOwner(**row)


async def lock_video(db: Connection, video_id: str) -> None:
    """Let nobody else record the video for a create until the end of the transaction."""
    await fetch_one(db, "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", f"bluma video {video_id}")


async def find_stray(db: Connection, request_key: str | None) -> str | None:
    """Return the video that a frozen process has recorded for a create after it had lost the job."""
    row = await fetch_one(db, STRAY, request_key)
    return None if row is None else str(row["video_id"])


def build_stray_key(number: int) -> str:
    """Return what stands for the `Idempotency-Key` of a create without a journal, which callers may use twice."""
    return f"create {number}"
