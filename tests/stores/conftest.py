"""Fixtures: each implementation of each port, so that one suite runs all of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, AsyncIterator, Callable

import pytest

from bluma_async.stores.jobs import Job
from bluma_async.stores.memory.events import MemoryStore
from bluma_async.stores.memory.jobs import MemoryJobStore
from bluma_async.stores.memory.members import SharedMemory
from bluma_async.stores.memory.shared import SharedJobStore
from bluma_async.stores.ports import EventStore, JobStore
from bluma_async.stores.postgres.events import PostgresStore
from bluma_async.stores.postgres.jobs import PostgresJobStore
from bluma_async.stores.sqlite.events import SQLiteStore
from bluma_async.stores.sqlite.jobs import SQLiteJobStore
from tests.stores.steps import Now


@pytest.fixture
def now() -> Now:
    """Give a clock that is moved by hand."""
    return Now()


@pytest.fixture(params=["memory", "shared memory", "sqlite", "postgres"])
async def store(request: Any, tmp_path: Path, now: Now) -> AsyncIterator[JobStore]:
    """Give an empty store of jobs, of every kind."""
    if request.param == "memory":
        yield MemoryJobStore(now)
        return
    opened: Any
    if request.param == "shared memory":
        opened = await SharedJobStore.open(SharedMemory(), now)
    elif request.param == "postgres":
        url = request.getfixturevalue("postgres")
        opened = await PostgresJobStore.open(url, to_write=True, now=now)
    else:
        opened = await SQLiteJobStore.open(tmp_path / "journal.sqlite", to_write=True, now=now)
    yield opened
    await opened.close()


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def event_store(request: Any, tmp_path: Path, now: Now) -> EventStore:
    """Give an empty store of events, of every kind."""
    if request.param == "memory":
        return MemoryStore(now=lambda: now().timestamp())
    if request.param == "postgres":
        url, server = request.getfixturevalue("postgres"), request.getfixturevalue("postgres_server")
        older = "UPDATE bluma_events SET claimed_at = claimed_at - %s * interval '1 s' RETURNING 1"  # by its own clock
        now.watchers.append(lambda seconds: server.fetch(url, older, seconds))
        return PostgresStore(url)
    return SQLiteStore(tmp_path / "events.sqlite", now=lambda: now().timestamp())


@pytest.fixture
def make_job() -> Callable[..., Job]:
    """Give a function that returns a job with a key, and its other fields derived from the key."""

    def make(key: str, **fields: Any) -> Job:
        values = {"body": f'{{"n":"{key}"}}', "template_id": "t", "resolution": None, "origin": f"row {key}", **fields}
        return Job(key, **values)

    return make
