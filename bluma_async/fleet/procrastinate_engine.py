"""
Procrastinate as the engine: its queue is in the journal's own database. Needs the extra `fleet`.

SIGTERM and SIGINT end a worker gracefully: no task is begun, those that run are finished, and the rest is given back.
"""

from __future__ import annotations

import asyncio
import contextlib
from importlib import import_module
from typing import TYPE_CHECKING, Any, List, Tuple

from bluma_async._runtime.log import logger
from bluma_async._runtime.threads import in_thread
from bluma_async.batch.batch import read_setup
from bluma_async.errors import InvalidArgumentError
from bluma_async.fleet.worker import opened_worker
from bluma_async.stores.postgres_member import LEASE

if TYPE_CHECKING:
    from bluma_async.batch.batch import Batch
    from bluma_async.fleet.engine import Task

__all__ = ["ProcrastinateEngine", "run_worker"]

QUEUE = "bluma"
SHUTDOWN = 60.0  # seconds that running tasks get to finish after SIGTERM: a create takes one attempt at most


class ProcrastinateEngine:
    """Moves tasks through Procrastinate's tables."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self._tasks: dict[str, Any] = {}
        self._periods: List[Tuple[str, float]] = []

    def register(self, name: str, task: Task) -> None:
        """Let this worker run tasks of a name."""

        async def run(place: int | None = None) -> None:
            await task(place)

        self._tasks[name] = self._app.task(run, name=f"bluma.{name}", queue=QUEUE)

    async def defer(self, name: str, place: int) -> None:
        """Queue a task for a job, unless one is queued."""
        lock = f"bluma {name} {place}"
        with contextlib.suppress(import_module("procrastinate").exceptions.AlreadyEnqueued):
            await self._tasks[name].configure(queueing_lock=lock).defer_async(place=place)

    def periodic(self, name: str, seconds: float) -> None:
        """
        Run a task about every so many seconds, in this process.

        Procrastinate's own periodic tasks have a grid of minutes or whole seconds, and queue a row for each. The store
        decides which process does the work, so each one may try.
        """
        self._periods.append((name, seconds))

    async def run(self, concurrency: int) -> None:
        """Run tasks until the process is asked to end."""
        worker = self._app.run_worker_async(
            queues=[QUEUE],
            concurrency=concurrency,
            delete_jobs="always",
            shutdown_graceful_timeout=SHUTDOWN,
            fetch_job_polling_interval=1.0,
        )
        periods = [asyncio.ensure_future(self._repeat(name, seconds)) for name, seconds in self._periods]
        try:
            await worker
        finally:
            for period in periods:
                period.cancel()
            await asyncio.gather(*periods, return_exceptions=True)

    async def _repeat(self, name: str, seconds: float) -> None:
        while True:
            try:
                await self._tasks[name].func()
            except Exception as problem:  # noqa: BLE001 - it must go on, whatever the database or the API raises
                logger.warning("The periodic task %s failed: %r", name, problem)
            await asyncio.sleep(seconds)


def _load() -> Any:
    try:
        return import_module("procrastinate")
    except ModuleNotFoundError as missing:
        raise InvalidArgumentError(
            f'A worker needs {missing.name}: pip install "bluma[fleet]" (Python 3.10 or later). Nothing was sent.'
        ) from None


async def run_worker(batch: Batch, concurrency: int = 8, lease: float = LEASE) -> None:
    """
    Run a worker until the process is asked to end by SIGTERM or SIGINT.

    Args:
        batch: A batch with a journal in PostgreSQL; its options are the worker's.
        concurrency: Tasks at a time.
        lease: Seconds after its last sign of life for which this process holds its jobs.

    Raises:
        BlumaError: The database or the API cannot be used.
    """
    procrastinate = await in_thread(_load)
    app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=str(read_setup(batch)[0].journal)))
    engine = ProcrastinateEngine(app)
    async with opened_worker(batch, engine, lease), app.open_async():
        await _require_tables(app)
        await engine.run(concurrency)


async def _require_tables(app: Any) -> None:
    """Create the tables of Procrastinate, unless they are there. Several workers may start at once."""
    if await app.check_connection_async():
        return
    try:
        await app.schema_manager.apply_schema_async()
    except Exception:
        if not await app.check_connection_async():  # else another worker has created them meanwhile
            raise
