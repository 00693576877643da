"""
Find the videos that the processes of a database have recorded beside the ledger of its journal.

Rule: a video of a create without a job is explained. A stray, or a candidate of a create in doubt, is paid and belongs
to nothing: it has the key of its job or create, so that a person can look for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, FrozenSet, Mapping, Sequence

import attrs

from bluma_async.stores.postgres.jobs import PostgresJobStore
from bluma_async.stores.postgres.rows import fetch_all

if TYPE_CHECKING:
    from bluma_async.stores.ports import JobStore
    from bluma_async.stores.postgres.rows import Connection

__all__ = ["KnownVideos", "find_known_videos"]

MADE = "SELECT video_id FROM bluma_intents WHERE video_id = ANY(%s) AND outcome = 'billed'"
STRAYS = (  # of a create without a job, the key of the request is that of `build_stray_key`
    "SELECT s.video_id, coalesce(j.key, i.name) AS key FROM bluma_strays s LEFT JOIN bluma_jobs j ON j.place = s.place "
    "LEFT JOIN bluma_intents i ON s.place IS NULL AND s.request_key = 'create ' || i.id WHERE s.video_id = ANY(%s)"
)
CANDIDATES = (
    "SELECT unnest(candidates) AS video_id, name AS key FROM bluma_intents "
    "WHERE outcome = 'doubt' AND place IS NULL AND candidates && %s::text[]"
)


@attrs.frozen
class KnownVideos:
    """
    Videos that are in no line of the ledger.

    Attributes:
        explained: Those that were made by creates without a job.
        keys: By video, the key of the job or of the create that it may be of.
    """

    explained: FrozenSet[str] = frozenset()
    keys: Mapping[str, str] = attrs.field(factory=lambda: {})  # noqa: PIE807 - typed, unlike `dict`


async def find_known_videos(store: JobStore, video_ids: Sequence[str]) -> KnownVideos:
    """Return those of these videos that a database has recorded; none for a store of one process."""
    if not isinstance(store, PostgresJobStore):
        return KnownVideos()
    wanted = list(video_ids)

    async def work(db: Connection, _: bool) -> KnownVideos:
        made = frozenset(row["video_id"] for row in await fetch_all(db, MADE, wanted))
        rows = [*await fetch_all(db, STRAYS, wanted), *await fetch_all(db, CANDIDATES, wanted)]
        return KnownVideos(made, {row["video_id"]: row["key"] for row in rows if row["key"] is not None})

    return await store.database.do(work)
