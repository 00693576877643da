"""Open and close everything that a worker needs, in the event loop that runs its tasks."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, AsyncGenerator

from bluma_async._wire.checks import invalid
from bluma_async.batch.batch import read_setup
from bluma_async.batch.parts import build_parts
from bluma_async.fleet.pausing import PausingStop
from bluma_async.fleet.tasks import FleetTasks
from bluma_async.stores.postgres.jobs import PostgresJobStore
from bluma_async.stores.postgres.member import LEASE
from bluma_async.stores.postgres.urls import is_postgres_url

if TYPE_CHECKING:
    from bluma_async.batch.api import BatchApi
    from bluma_async.batch.batch import Batch
    from bluma_async.batch.options import BatchOptions
    from bluma_async.fleet.engine import Engine
    from bluma_async.stores.ports import JobStore
    from bluma_async.stores.sharing import FleetSharing

__all__ = ["opened_worker", "registered_tasks", "require_shared_journal"]


def require_shared_journal(journal: object) -> str:
    """Return a journal that is in PostgreSQL, or raise InvalidArgumentError."""
    if not isinstance(journal, str) or not is_postgres_url(journal):
        raise invalid("journal", "A worker needs a journal in PostgreSQL, such as postgresql://user@host:5432/name.")
    return journal


@asynccontextmanager
async def opened_worker(batch: Batch, engine: Engine, lease: float = LEASE) -> AsyncGenerator[FleetTasks, None]:
    """
    Give the tasks of a worker, registered with an engine. At the end, its jobs are given back.

    Args:
        batch: A batch with a journal in PostgreSQL; its options are the worker's.
        engine: Runs the tasks.
        lease: Seconds after its last sign of life for which this process holds its jobs.

    Raises:
        InvalidArgumentError: The journal is not a PostgreSQL database, or belongs to another account or folder.
        BlumaError: The database or the API cannot be used.
    """
    options, api = read_setup(batch)
    journal = require_shared_journal(options.journal)
    if options.files is not None:
        await options.files.require()
    store = await PostgresJobStore.open(journal, to_write=True, lease=lease)
    try:
        if store.sharing is None:
            raise invalid("journal", "A worker needs a journal that it can write to.")
        async with registered_tasks(options, api, store, store.sharing, engine) as tasks:
            yield tasks
    finally:
        await store.close()


@asynccontextmanager
async def registered_tasks(
    options: BatchOptions, api: BatchApi, store: JobStore, sharing: FleetSharing, engine: Engine
) -> AsyncGenerator[FleetTasks, None]:
    """
    Give the tasks of a worker over an open store, registered with an engine. At the end, no create is settled any more.

    Raises:
        InvalidArgumentError: The store belongs to another account or folder.
        BlumaError: The store or the API cannot be used.
    """
    stop = PausingStop(api.clock)
    parts = await build_parts(options, api, store, stop)
    tasks = FleetTasks(options, store, sharing, parts, stop, engine)
    tasks.register()
    try:
        yield tasks
    finally:
        tasks.stop()
        await parts.recovery.end()
