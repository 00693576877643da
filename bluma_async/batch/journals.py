"""The journal that the options of a batch name: a SQLite file, or a PostgreSQL database that processes share."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Awaitable, Callable

from bluma_async._runtime.threads import in_thread
from bluma_async.stores.postgres.database import Database
from bluma_async.stores.postgres.jobs import PostgresJobStore
from bluma_async.stores.sqlite.jobs import SQLiteJobStore

if TYPE_CHECKING:
    from bluma_async.batch.options import BatchOptions
    from bluma_async.stores.ports import JobStore

__all__ = ["choose_store", "has_journal"]


def choose_store(options: BatchOptions) -> Callable[..., Awaitable[JobStore]]:
    """Return the function that opens the journal."""
    if isinstance(options.journal, str):
        return partial(PostgresJobStore.open, options.journal)
    return partial(SQLiteJobStore.open, options.journal)


async def has_journal(options: BatchOptions) -> bool:
    """
    Return whether there is a journal yet. Nothing is created.

    Raises:
        BlumaError: The database cannot be reached.
    """
    if isinstance(options.journal, str):
        return await Database.has_tables(options.journal)
    found: bool = await in_thread(options.journal.exists)
    return found
