"""Observe the processes that work on a batch."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, AsyncGenerator, Awaitable, Callable

from bluma_async.batch.batch import read_setup
from bluma_async.batch.journals import choose_store
from bluma_async.stores.fleet_view import CreateView, FleetView
from bluma_async.stores.postgres.jobs import PostgresJobStore
from bluma_async.types._model import utc_now

if TYPE_CHECKING:
    from bluma_async.batch.batch import Batch
    from bluma_async.stores.ports import JobStore

__all__ = ["opened_view"]


@asynccontextmanager
async def opened_view(batch: Batch) -> AsyncGenerator[Callable[[], Awaitable[FleetView]], None]:
    """
    Open the journal of a batch for reading, and give a function that returns the processes that work on it now.

    Raises:
        InvalidArgumentError: There is no such journal.
        BlumaError: It cannot be read.
    """
    store = await choose_store(read_setup(batch)[0])(to_write=False)

    async def read() -> FleetView:
        return await (store.read_view() if isinstance(store, PostgresJobStore) else _read_single(store))

    try:
        yield read
    finally:
        await store.close()


async def _read_single(store: JobStore) -> FleetView:
    """Return what a store of one process knows."""
    now = utc_now()
    creates = [
        CreateView(job.key, job.template_id, None, (now - job.started_at).total_seconds())
        for job in await store.list_creating()
        if job.started_at is not None
    ]
    creates.sort(key=lambda create: create.age, reverse=True)
    return FleetView(status=await store.statistics(), creates=tuple(creates[:100]))
