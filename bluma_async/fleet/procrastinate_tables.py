"""The tables of Procrastinate: create them, and require the rights to use them."""

from __future__ import annotations

from typing import Any

from bluma_async._runtime.threads import in_thread

__all__ = ["QUEUE", "require_rights", "require_tables"]

QUEUE = "bluma"


async def require_tables(app: Any) -> None:
    """Create the tables of Procrastinate, unless they are there. Several workers may start at once."""
    if await app.check_connection_async():
        return
    schema = await in_thread(app.schema_manager.get_schema)  # it reads a file
    try:
        await app.connector.execute_query_async(query=schema.replace("%", "%%"))
    except Exception:
        if not await app.check_connection_async():  # else another worker has created them meanwhile
            raise


async def require_rights(app: Any) -> None:
    """Do once what a worker does, without a task: its user may lack rights that show only then."""
    worker = await app.job_manager.register_worker()
    await app.job_manager.fetch_job(queues=[f"no {QUEUE}"], worker_id=worker)
    await app.job_manager.unregister_worker(worker)
