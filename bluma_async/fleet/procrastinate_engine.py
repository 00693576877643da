"""
Procrastinate as the engine: its queue is in the journal's own database. Needs the extra `fleet`.

SIGTERM and SIGINT end a worker gracefully: no task is begun, those that run are finished, and the rest is given back.
"""

from __future__ import annotations

import asyncio
import contextlib
from importlib import import_module
from typing import TYPE_CHECKING, Any, AsyncGenerator, Generator, List, Tuple

from bluma_async._runtime.log import logger
from bluma_async._runtime.threads import in_thread
from bluma_async.batch.batch import read_setup
from bluma_async.errors import InvalidArgumentError
from bluma_async.fleet.worker import opened_worker
from bluma_async.stores.postgres.database import migrate_database
from bluma_async.stores.postgres.failures import build_opening_error, list_failures
from bluma_async.stores.postgres.member import LEASE
from bluma_async.stores.postgres.urls import load_psycopg

if TYPE_CHECKING:
    from bluma_async.batch.batch import Batch
    from bluma_async.fleet.engine import Task

__all__ = ["ProcrastinateEngine", "migrate", "run_worker"]

QUEUE = "bluma"
SHUTDOWN = 60.0  # seconds that running tasks get to finish after SIGTERM: a create takes one attempt at most


class ProcrastinateEngine:
    """Moves tasks through Procrastinate's tables."""

    def __init__(self, procrastinate: Any, url: str) -> None:
        self._procrastinate = procrastinate
        self._url = url
        self._app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=url))
        self._tasks: dict[str, Any] = {}
        self._periods: List[Tuple[str, float]] = []

    @classmethod
    async def load(cls, url: str) -> ProcrastinateEngine:
        """
        Load Procrastinate, and return an engine over a database. Nothing is connected yet.

        Raises:
            InvalidArgumentError: The extra is not installed.
        """
        return cls(await in_thread(_load), url)

    @contextlib.asynccontextmanager
    async def opened(self) -> AsyncGenerator[None, None]:
        """
        Connect, and create the tables of Procrastinate if they are not there; disconnect at the end of the block.

        Raises:
            BlumaError: The database cannot be used, or this user may not create the tables.
        """
        try:
            with _translating(self._procrastinate, self._url):
                await self._app.open_async()
                await _require_tables(self._app)
            yield
        finally:
            await self._app.close_async()

    def register(self, name: str, task: Task) -> None:
        """Let this worker run tasks of a name."""

        async def run(place: int | None = None) -> None:
            await task(place)

        self._tasks[name] = self._app.task(run, name=f"bluma.{name}", queue=QUEUE)

    async def defer(self, name: str, place: int) -> None:
        """Queue a task for a job, unless one is queued."""
        lock = f"bluma {name} {place}"
        with contextlib.suppress(self._procrastinate.exceptions.AlreadyEnqueued):
            await self._tasks[name].configure(queueing_lock=lock).defer_async(place=place)

    def periodic(self, name: str, seconds: float) -> None:
        """
        Run a task about every so many seconds, in this process.

        Procrastinate's own periodic tasks have a grid of minutes or whole seconds, and queue a row for each. The store
        decides which process does the work, so each one may try.
        """
        self._periods.append((name, seconds))

    async def run(self, concurrency: int) -> None:
        """
        Run tasks until the process is asked to end.

        Raises:
            BlumaError: The database cannot be used.
        """
        worker = self._app.run_worker_async(
            queues=[QUEUE],
            concurrency=concurrency,
            delete_jobs="always",
            shutdown_graceful_timeout=SHUTDOWN,
            fetch_job_polling_interval=1.0,
        )
        periods = [asyncio.ensure_future(self._repeat(name, seconds)) for name, seconds in self._periods]
        try:
            with _translating(self._procrastinate, self._url):
                await worker
        finally:
            for period in periods:
                period.cancel()
            await asyncio.gather(*periods, return_exceptions=True)

    async def _repeat(self, name: str, seconds: float) -> None:
        has_failed = False
        while True:
            try:
                await self._tasks[name].func()
            except Exception as problem:  # noqa: BLE001 - it must go on, whatever the database or the API raises
                if not has_failed:  # a database that is gone fails each time
                    logger.warning("The periodic task %s failed: %s", name, str(problem) or repr(problem))
                has_failed = True
            else:
                has_failed = False
            await asyncio.sleep(seconds)


def _load() -> Any:
    try:
        return import_module("procrastinate")
    except ModuleNotFoundError as missing:
        raise InvalidArgumentError(
            f'A worker needs {missing.name}: pip install "bluma[fleet]" (Python 3.10 or later). Nothing was sent.'
        ) from None


async def run_worker(batch: Batch, lease: float = LEASE) -> None:
    """
    Run a worker until the process is asked to end by SIGTERM or SIGINT.

    Args:
        batch: A batch with a journal in PostgreSQL; its options are the worker's. `concurrency` is that of its tasks.
        lease: Seconds after its last sign of life for which this process holds its jobs.

    Raises:
        BlumaError: The database or the API cannot be used.
    """
    options = read_setup(batch)[0]
    engine = await ProcrastinateEngine.load(str(options.journal))
    async with opened_worker(batch, engine, lease), engine.opened():
        await engine.run(options.concurrency)


async def migrate(url: str) -> str:
    """
    Create or update the tables of a database, for runs and for workers; return the database's name.

    The tables of Procrastinate are left out if it is not installed: workers of Celery do not need them.

    Raises:
        InvalidArgumentError: The URL is invalid, the extra is missing, or the tables are newer.
        BlumaError: The database cannot be reached, is read-only, or this user may not create tables.
    """
    name = await migrate_database(url)
    try:
        engine = await ProcrastinateEngine.load(url)
    except InvalidArgumentError:
        return name
    async with engine.opened():
        return name


@contextlib.contextmanager
def _translating(procrastinate: Any, url: str) -> Generator[None, None, None]:
    """Raise the failures of a database, which Procrastinate may have wrapped, as a BlumaError."""
    psycopg = load_psycopg()
    try:
        yield
    except (procrastinate.exceptions.ConnectorException, *list_failures(psycopg)) as problem:
        raise build_opening_error(psycopg, problem.__cause__ or problem.__context__ or problem, url) from None


async def _require_tables(app: Any) -> None:
    """Create the tables of Procrastinate, unless they are there. Several workers may start at once."""
    if await app.check_connection_async():
        return
    schema = await in_thread(app.schema_manager.get_schema)  # it reads a file
    try:
        await app.connector.execute_query_async(query=schema.replace("%", "%%"))
    except Exception:
        if not await app.check_connection_async():  # else another worker has created them meanwhile
            raise
