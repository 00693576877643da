"""
Celery as the engine, for applications that have it already.

    app = Celery("app", broker="redis://...")
    bluma = tasks(app, "postgresql://...", out="videos/")

Rule 1: tasks are acknowledged late, and rejected if their worker is lost: they come again, which costs nothing, because
the store knows what was done.
Rule 2: connections are opened by the process that runs tasks, after the fork, in an event loop of its own.
Rule 3: periodic work is guarded in the store, so beat may run anywhere, also more than once.
Rule 4: each message names its queue. The configuration of the app is neither read nor changed: it may have
routes of any form, and may be set at any time. Beat gets its entries when it starts.
Rule 5: the names of the tasks contain the journal. A process never runs a task of another journal: Celery refuses tasks
that it does not know, and logs an error.
"""

from __future__ import annotations

import atexit
import inspect
import os
import threading
from importlib import import_module
from typing import TYPE_CHECKING, Any, Callable

from bluma_async._runtime.threads import in_thread
from bluma_async._wire.checks import invalid, require_seconds, require_text
from bluma_async.batch.options import BatchOptions
from bluma_async.client import AsyncBluma
from bluma_async.errors import BlumaError
from bluma_async.fleet.process_loop import GIVEN_BACK, ProcessLoop
from bluma_async.fleet.tasks import NAMES, SWEEP_PERIOD
from bluma_async.fleet.worker import opened_worker, require_shared_journal
from bluma_async.stores.postgres.member import LEASE
from bluma_async.stores.postgres.urls import fingerprint_database

if TYPE_CHECKING:
    from contextlib import AsyncExitStack

    from bluma_async.fleet.engine import Task
    from bluma_async.fleet.tasks import FleetTasks

__all__ = ["CeleryEngine", "tasks"]

QUEUE = "bluma"
SHORTEST_LEASE = 2.0  # seconds; one renewal may take a second


class CeleryEngine:
    """Moves tasks through a Celery app. In each process that runs tasks, there is one worker of the fleet."""

    def __init__(
        self,
        app: Any,
        open_client: Callable[[], AsyncBluma],
        options: dict[str, Any],
        lease: float = LEASE,
        queue: str = QUEUE,
    ) -> None:
        self._app = app
        self._queue = queue
        self._prefix = f"bluma.{fingerprint_database(options['journal'])}."
        self._open_client = open_client
        self._options = options
        self._lease = lease
        self._tasks: dict[str, Task] = {}
        self._process: ProcessLoop | None = None
        self._gate = threading.Lock()
        self._closed_in = 0  # the process that was closed

    def name(self, task: str) -> str:
        """Return the name that a task has in the app."""
        return f"{self._prefix}{task}"

    def register(self, name: str, task: Task) -> None:
        """Let this process run tasks of a name."""
        self._tasks[name] = task

    async def defer(self, name: str, place: int) -> None:
        """Send a task for a job to the broker."""
        await in_thread(self._send, name, place)

    def periodic(self, name: str, seconds: float) -> None:
        """Do nothing: the schedule of beat was made with the app."""

    def run(self, name: str, place: int | None) -> None:
        """Run a task in this process. Blocks until it has ended."""
        process = self._find_process()
        process.run(self._run(process, name, place))

    def close(self) -> None:
        """Give back the jobs of this process. A task that comes later fails, and does not open everything again."""
        self._closed_in = os.getpid()
        self.give_back()

    def give_back(self, **_: Any) -> None:
        """Give back the jobs of this process, whose worker has ended."""
        process, self._process = self._process, None
        if process is not None and process.pid == os.getpid():
            process.close()

    def _send(self, name: str, place: int) -> None:
        self._app.send_task(self.name(name), args=[place], queue=self._queue)

    async def _run(self, process: ProcessLoop, name: str, place: int | None) -> None:
        await process.open(self._enter)
        await self._tasks[name](place)

    async def _enter(self, stack: AsyncExitStack) -> FleetTasks:
        client = await stack.enter_async_context(self._open_client())
        return await stack.enter_async_context(opened_worker(client.batch(**self._options), self, self._lease))

    def _find_process(self) -> ProcessLoop:
        if self._closed_in == os.getpid():
            raise BlumaError(GIVEN_BACK)
        if self._process is None or self._process.pid != os.getpid():  # this is a forked child
            self._gate = threading.Lock() if self._process is not None else self._gate
            with self._gate:
                if self._process is None or self._process.pid != os.getpid():
                    self._process = ProcessLoop()
                    atexit.register(self.close)
        return self._process


def tasks(
    app: Any,
    journal: str,
    *,
    out: str | None = None,
    open_client: Callable[[], AsyncBluma] = AsyncBluma,
    lease: float = LEASE,
    queue: str = QUEUE,
    **options: Any,
) -> CeleryEngine:
    """
    Add the tasks of a fleet to a Celery app, and their schedule to its beat. Nothing is connected yet.

    Workers take them from the queue, and beat, which may run anywhere, sends the periodic ones. An app may have the
    tasks of several journals. Apps with different journals on one broker need different queues.

    Args:
        app: The Celery app.
        journal: The URL of the PostgreSQL database. All processes name it by the same host, port and database.
        out: The folder for the files; None saves none.
        open_client: Makes the client of a process, after the fork.
        lease: Seconds after its last sign of life for which a process holds its jobs; at least 2.
        queue: The queue of the tasks.
        **options: Options of `client.batch`, such as `max_credits`, `poll_interval` and `exclusive`.

    Raises:
        InvalidArgumentError: The journal is not the URL of a PostgreSQL database, an argument is invalid, or the extra
            `fleet` is not installed.
        TypeError: `client.batch` has no such option.
    """
    checked = _check_options(require_shared_journal(journal), out, options)
    if not callable(open_client):
        raise invalid("open_client", f"open_client must be a function that returns an AsyncBluma, not {open_client!r}.")
    require_seconds("lease", lease, at_least=SHORTEST_LEASE)
    require_text("queue", queue)
    engine = CeleryEngine(app, open_client, {"journal": journal, "out": out, **options}, lease, queue)
    for name in NAMES:
        _add_task(app, engine, name)
    periods = {"poll": checked.poll_interval, "sweep": SWEEP_PERIOD}
    schedule = {engine.name(name): _build_entry(engine.name(name), queue, period) for name, period in periods.items()}

    def add_schedule(sender: Any, **_: Any) -> None:
        if sender.app == app:  # which may be a proxy
            sender.scheduler.update_from_dict(schedule)

    signals = import_module("celery.signals")
    signals.beat_init.connect(add_schedule, weak=False)
    for signal in (signals.worker_process_shutdown, signals.worker_shutdown):  # of a child, whose atexit is not run
        signal.connect(engine.give_back, weak=False)
    return engine


def _check_options(journal: str, out: str | None, options: dict[str, Any]) -> BatchOptions:
    """Check the options now: in each process that runs tasks, a mistake is an error of every task."""
    given = inspect.signature(AsyncBluma.batch).bind(None, journal, out=out, **options)
    given.apply_defaults()
    return BatchOptions.checked(**{name: given.arguments[name] for name in given.arguments.keys() - {"self", "reuse"}})


def _build_entry(name: str, queue: str, seconds: float) -> dict[str, Any]:
    """Return an entry of beat. Its messages expire after a period: the next one does the same."""
    return {"task": name, "schedule": seconds, "options": {"queue": queue, "expires": max(seconds, 1.0)}}


def _add_task(app: Any, engine: CeleryEngine, name: str) -> None:
    def run(place: int | None = None) -> None:
        engine.run(name, place)

    run.__name__ = name
    options = {"acks_late": True, "reject_on_worker_lost": True, "ignore_result": True, "shared": False}
    app.task(run, name=engine.name(name), **options)
