"""Read what the processes of a PostgreSQL journal are doing, in one transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bluma_async.stores.fleet_view import BudgetView, CreateView, FleetView, WorkerView
from bluma_async.stores.postgres import queries
from bluma_async.stores.postgres.intents import OWNER
from bluma_async.stores.postgres.rows import fetch_all, fetch_one

if TYPE_CHECKING:
    from bluma_async.stores.postgres.rows import Connection

__all__ = ["read_has_workers", "read_view"]

WORKERS = """
SELECT name, epoch, extract(epoch FROM ends_at - clock_timestamp())::float AS ends_in, count(place) AS held,
    count(place) FILTER (WHERE state = 'creating') AS creating
FROM bluma_workers LEFT JOIN bluma_jobs ON holder = epoch
GROUP BY epoch HAVING ends_at >= clock_timestamp() OR count(place) > 0 ORDER BY epoch
"""
BUDGETS = """
SELECT fingerprint, available, quota, greatest(extract(epoch FROM reset_at - clock_timestamp()), 0)::float AS resets_in
FROM bluma_keys WHERE available IS NOT NULL AND quota IS NOT NULL ORDER BY fingerprint
"""
CREATES = f"""
SELECT coalesce(j.key, i.name) AS key, i.template_id, w.name AS worker,
    extract(epoch FROM clock_timestamp() - i.sent_at)::float AS age
FROM bluma_intents i LEFT JOIN bluma_jobs j ON j.place = i.place LEFT JOIN bluma_workers w ON w.epoch = {OWNER}
WHERE i.outcome IS NULL ORDER BY i.sent_at LIMIT 100
"""  # noqa: S608 - a constant
STRAYS = """
SELECT count(*) AS number FROM bluma_strays s WHERE NOT EXISTS (SELECT FROM bluma_videos v WHERE v.id = s.video_id)
"""

HAS_WORKERS = "SELECT EXISTS (SELECT FROM bluma_workers WHERE ends_at >= clock_timestamp()) AS found"


async def read_has_workers(db: Connection) -> bool:
    """Return whether a process renews a lease: a worker, a run, or a client that shares the database."""
    row = await fetch_one(db, HAS_WORKERS)
    return bool(row and row["found"])


async def read_view(db: Connection) -> FleetView:
    """Return what the processes are doing."""
    strays = await fetch_one(db, STRAYS)
    return FleetView(
        status=await queries.read_statistics(db),
        workers=tuple(WorkerView(**row) for row in await fetch_all(db, WORKERS)),
        budgets=tuple(BudgetView(**row) for row in await fetch_all(db, BUDGETS)),
        creates=tuple(CreateView(**row) for row in await fetch_all(db, CREATES)),
        strays=int(strays["number"]) if strays else 0,
    )
