"""
Procrastinate as the engine: its queue is in the journal's own database. Needs the extra `fleet`.

Rule 1: SIGTERM and SIGINT end a worker gracefully: no task is begun, those that run are finished, and the rest is given
back. A lost database ends no worker that has begun: Procrastinate stops then, and is started again. At the end, the
queue waits for a lost database for a moment only: a task that stays in it costs nothing. A worker ends when its tables
were made anew: they may belong to another account, or to another folder.
Rule 2: tasks are asked for every second. Messages of LISTEN would come a moment earlier, but not through a pooler that
gives each transaction another connection.
"""

from __future__ import annotations

import asyncio
import contextlib
from importlib import import_module
from typing import TYPE_CHECKING, Any, AsyncGenerator, Callable, Generator, List, Tuple, Type

from bluma_async._runtime.log import logger
from bluma_async._runtime.tasks import within
from bluma_async._runtime.threads import in_thread
from bluma_async.batch.batch import read_setup
from bluma_async.errors import InvalidArgumentError
from bluma_async.fleet.signals import signalled
from bluma_async.fleet.worker import opened_worker
from bluma_async.stores.postgres.connections import CONNECT_TIMEOUT, build_pool_options
from bluma_async.stores.postgres.database import BRIEF, migrate_database
from bluma_async.stores.postgres.failures import (
    LostDatabaseError,
    ReplacedTablesError,
    build_opening_error,
    describe_failure,
    is_lost,
    list_failures,
)
from bluma_async.stores.postgres.member import LEASE
from bluma_async.stores.postgres.urls import load_psycopg

if TYPE_CHECKING:
    from bluma_async.batch.batch import Batch
    from bluma_async.fleet.engine import Task

__all__ = ["ProcrastinateEngine", "migrate", "run_worker"]

QUEUE = "bluma"
POLL_INTERVAL = 1.0  # seconds between two requests for tasks
PAUSE = 1.0  # seconds before Procrastinate is started again
LASTING = 5  # starts without a database after which it is logged here too: the lease may have the last connection
# Procrastinate keeps the tasks of workers that have died as running ones. The sweep defers new ones for their jobs.
DELETE_ABANDONED = f"""
DELETE FROM procrastinate_jobs WHERE queue_name = '{QUEUE}' AND status = 'doing' AND worker_id IS NULL
"""  # noqa: S608 - a constant
SHUTDOWN = 60.0  # seconds that running tasks get to finish after SIGTERM: a create takes one attempt at most


class ProcrastinateEngine:
    """Moves tasks through Procrastinate's tables."""

    def __init__(self, procrastinate: Any, url: str, timeout: float = CONNECT_TIMEOUT) -> None:
        self._procrastinate = procrastinate
        self._url = url
        connector = procrastinate.PsycopgConnector(conninfo=url, **build_pool_options(timeout))
        self._app = procrastinate.App(connector=connector)
        self._tasks: dict[str, Any] = {}
        self._periods: List[Tuple[str, float]] = []

    @classmethod
    async def load(cls, url: str, timeout: float = CONNECT_TIMEOUT) -> ProcrastinateEngine:
        """
        Load Procrastinate, and return an engine over a database. Nothing is connected yet.

        Args:
            url: The URL of the database.
            timeout: Seconds to wait for a connection.

        Raises:
            InvalidArgumentError: The extra is not installed.
        """
        return cls(await in_thread(_load), url, timeout)

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

    async def run(self, concurrency: int, on_stop: Callable[[], None] = lambda: None) -> None:
        """
        Run tasks until the process is asked to end, whatever happens to the database meanwhile.

        Args:
            concurrency: How many tasks run at once.
            on_stop: Called when the process is asked to end; tasks that run are finished afterwards.

        Raises:
            BlumaError: The database cannot be used now, and no task was run; or its tables were made anew meanwhile.
        """
        with _translating(self._procrastinate, self._url):
            await _require_rights(self._app)
            await self._app.connector.execute_query_async(query=DELETE_ABANDONED)
        periods = [asyncio.ensure_future(self._repeat(name, seconds)) for name, seconds in self._periods]
        try:
            with signalled(on_stop) as asked:
                for period in periods:
                    period.add_done_callback(lambda _: asked.set())
                await self._run_until(asked, concurrency)
        finally:
            for period in periods:
                period.cancel()
            ends = await asyncio.gather(*periods, return_exceptions=True)
        for end in ends:
            if isinstance(end, ReplacedTablesError):
                raise end

    async def _run_until(self, asked: asyncio.Event, concurrency: int) -> None:
        """Run Procrastinate until the event is set, and start it again whenever it stops by itself."""
        logged, losses = "", 0
        while not asked.is_set():
            reason, is_lost = await self._run_once(asked, concurrency)
            losses = losses + 1 if is_lost else 0
            if 0 < losses < LASTING:  # the lease of the process reports it
                reason = ""
            if reason not in ("", logged):
                logger.warning("The queue of tasks failed, and is started again: %s", reason)
            logged = reason
            with contextlib.suppress(TimeoutError):
                await within(PAUSE, asked.wait())

    async def _run_once(self, asked: asyncio.Event, concurrency: int) -> Tuple[str, bool]:
        """
        Run Procrastinate until the event is set or it stops. Its tasks have ended then.

        Returns:
            Why its database has failed, or empty text; whether it is gone.
        """
        options = {"fetch_job_polling_interval": POLL_INTERVAL, "shutdown_graceful_timeout": SHUTDOWN}
        switches = {"listen_notify": False, "install_signal_handlers": False, "delete_jobs": "always"}
        worker = self._app.run_worker_async(queues=[QUEUE], concurrency=concurrency, **options, **switches)
        ends = [asyncio.ensure_future(worker), asyncio.ensure_future(asked.wait())]
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if asked.is_set():
                self._app.connector.pool.timeout = BRIEF
            for end in ends:
                end.cancel()  # which Procrastinate takes for a request to end gracefully
            await asyncio.wait(ends)
        return self._explain(None if ends[0].cancelled() else ends[0].exception())

    def _explain(self, problem: BaseException | None) -> Tuple[str, bool]:
        if problem is None:
            return "", False
        if not isinstance(problem, _list_kinds(self._procrastinate)):
            raise problem
        cause = _find_cause(problem)
        return describe_failure(cause, self._url), is_lost(load_psycopg(), cause)

    async def _repeat(self, name: str, seconds: float) -> None:
        has_failed = False
        while True:
            try:
                await self._tasks[name].func()
            except LostDatabaseError:
                pass  # the lease of the process reports it
            except ReplacedTablesError:
                raise  # which ends the worker
            except Exception as problem:  # noqa: BLE001 - it must go on, whatever the database or the API raises
                if not has_failed:
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
        BlumaError: The database or the API cannot be used; or a paid video is not recorded, and `video_id` has its id.
    """
    options = read_setup(batch)[0]
    engine = await ProcrastinateEngine.load(str(options.journal))
    async with opened_worker(batch, engine, lease) as tasks, engine.opened():
        await engine.run(options.concurrency, tasks.stop)
        await tasks.require_recorded()


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
    try:
        yield
    except _list_kinds(procrastinate) as problem:
        raise build_opening_error(load_psycopg(), _find_cause(problem), url) from None


def _list_kinds(procrastinate: Any) -> Tuple[Type[Exception], ...]:
    return (procrastinate.exceptions.ConnectorException, *list_failures(load_psycopg()))


def _find_cause(problem: BaseException) -> BaseException:
    return problem.__cause__ or problem.__context__ or problem


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


async def _require_rights(app: Any) -> None:
    """Do once what a worker does, without a task: its user may lack rights that show only then."""
    worker = await app.job_manager.register_worker()
    await app.job_manager.fetch_job(queues=[f"no {QUEUE}"], worker_id=worker)
    await app.job_manager.unregister_worker(worker)
