"""
Celery as the engine, for applications that have it already.

    app = Celery("app", broker="redis://...")
    bluma = tasks(app, "postgresql://...", out="videos/", api_key=...)

Rule 1: tasks are acknowledged late, and rejected if their worker is lost: they come again, which costs nothing, because
the store knows what was done.
Rule 2: connections are opened by the process that runs tasks, after the fork, in an event loop of its own.
Rule 3: periodic work is guarded in the store, so beat may run anywhere, also more than once.
Rule 4: each message names its queue. The configuration of the app is neither read nor replaced: it may have
routes of any form, and may be set after the tasks were added.
"""

from __future__ import annotations

import asyncio
import atexit
import inspect
import os
import threading
from concurrent.futures import CancelledError, Future
from contextlib import AsyncExitStack
from importlib import import_module
from typing import TYPE_CHECKING, Any, Callable, Coroutine, Set, TypeVar

from bluma_async._runtime.log import logger
from bluma_async._runtime.threads import in_thread
from bluma_async.batch.options import BatchOptions
from bluma_async.client import AsyncBluma
from bluma_async.errors import BlumaError
from bluma_async.fleet.tasks import NAMES, SWEEP_PERIOD
from bluma_async.fleet.worker import opened_worker, require_shared_journal
from bluma_async.stores.postgres.member import LEASE

if TYPE_CHECKING:
    from bluma_async.fleet.engine import Task
    from bluma_async.fleet.tasks import FleetTasks

__all__ = ["CeleryEngine", "tasks"]

T = TypeVar("T")
PREFIX = "bluma."
QUEUE = "bluma"
SHUTDOWN = 10.0  # seconds to give back jobs when a process ends
GIVEN_BACK = "This process has given back its jobs, and works on no more. Other processes go on with them."


class CeleryEngine:
    """Moves tasks through a Celery app. In each process that runs tasks, there is one worker of the fleet."""

    def __init__(self, app: Any, open_client: Callable[[], AsyncBluma], options: dict[str, Any], lease: float) -> None:
        self._app = app
        self._open_client = open_client
        self._options = options
        self._lease = lease
        self._tasks: dict[str, Task] = {}
        self._process: _Process | None = None
        self._gate = threading.Lock()
        self._closed_in = 0  # the process that was closed

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
        self._app.send_task(f"{PREFIX}{name}", args=[place], queue=QUEUE)

    async def _run(self, process: _Process, name: str, place: int | None) -> None:
        await process.open(self._enter)
        await self._tasks[name](place)

    async def _enter(self, stack: AsyncExitStack) -> FleetTasks:
        client = await stack.enter_async_context(self._open_client())
        return await stack.enter_async_context(opened_worker(client.batch(**self._options), self, self._lease))

    def _find_process(self) -> _Process:
        if self._closed_in == os.getpid():
            raise BlumaError(GIVEN_BACK)
        if self._process is None or self._process.pid != os.getpid():  # this is a forked child
            self._gate = threading.Lock() if self._process is not None else self._gate
            with self._gate:
                if self._process is None or self._process.pid != os.getpid():
                    self._process = _Process()
                    atexit.register(self.close)
        return self._process


class _Process:
    """
    The event loop of this process, in a thread of its own, with everything that tasks share.

    When the loop ends, every call of `run` ends. Celery shuts down a pool of threads while they run tasks. A thread
    that waited for a stopped loop would keep the process alive forever.
    """

    def __init__(self) -> None:
        self.pid = os.getpid()
        self._loop = asyncio.new_event_loop()
        self._ended: asyncio.Future[None] = self._loop.create_future()
        self._thread = threading.Thread(target=self._serve, name="bluma fleet", daemon=True)
        self._thread.start()
        self._opening: asyncio.Task[FleetTasks] | None = None
        self._stack = AsyncExitStack()
        self._gate = threading.Lock()  # nothing begins in the loop after the work that ends it
        self._is_closing = False
        self._outcomes: Set[Future[Any]] = set()
        self._running: Set[asyncio.Task[Any]] = set()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """
        Run a coroutine in the loop, and return its result.

        Raises:
            BlumaError: The process gave back its jobs before the coroutine had ended.
        """
        with self._gate:
            if self._is_closing:
                work.close()
                raise BlumaError(GIVEN_BACK)
            outcome = asyncio.run_coroutine_threadsafe(self._noted(work), self._loop)
            self._outcomes.add(outcome)
        try:
            return outcome.result()
        except CancelledError:
            raise BlumaError(GIVEN_BACK) from None
        finally:
            self._outcomes.discard(outcome)

    async def open(self, enter: Callable[[AsyncExitStack], Coroutine[Any, Any, FleetTasks]]) -> None:
        """Open everything once; if that fails, the next task tries again."""
        if self._opening is None:
            self._opening = asyncio.ensure_future(enter(self._stack))
        opening = self._opening
        try:
            await asyncio.shield(opening)
        except BaseException:
            if opening.done() and self._opening is opening:
                self._opening = None
                await self._stack.aclose()
            raise

    def close(self) -> None:
        """Give back the jobs, close everything and end the thread."""
        with self._gate:
            if self._is_closing:
                return
            self._is_closing = True
            closing = asyncio.run_coroutine_threadsafe(self._end(), self._loop)
        try:
            closing.result(SHUTDOWN)
        except Exception as problem:  # noqa: BLE001 - the process ends; the lease ends by itself
            logger.warning("The jobs of this process could not be given back: %r", problem)
        self._end_waits()
        if closing.done():
            self._thread.join()

    def _serve(self) -> None:
        try:
            self._loop.run_until_complete(self._ended)
        finally:
            with self._gate:
                self._is_closing = True
            self._end_waits()
            self._loop.close()

    def _end_waits(self) -> None:
        for outcome in list(self._outcomes):
            outcome.cancel()

    async def _noted(self, work: Coroutine[Any, Any, T]) -> T:
        task: Any = asyncio.current_task()
        self._running.add(task)
        try:
            return await work
        except (SystemExit, KeyboardInterrupt) as end:  # it would end the loop, and the other tasks with it
            raise BlumaError(f"A task ended with {end!r}.") from end
        finally:
            self._running.discard(task)

    async def _end(self) -> None:
        try:
            await self._end_running()
            await self._stack.aclose()
        finally:
            self._ended.set_result(None)

    async def _end_running(self) -> None:
        """Cancel what runs, and wait for it: a create that was sent takes a few seconds to be recorded."""
        opening, running = self._opening, list(self._running)
        if opening is not None:
            running.append(opening)
            if opening.done() and not opening.cancelled() and opening.exception() is None:
                opening.result().is_stopping = True
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


def tasks(
    app: Any,
    journal: str,
    *,
    out: str | None = None,
    open_client: Callable[[], AsyncBluma] = AsyncBluma,
    lease: float = LEASE,
    **options: Any,
) -> CeleryEngine:
    """
    Add the tasks of a fleet to a Celery app, and their schedule to its beat. Nothing is connected yet.

    Workers take them from the queue `bluma`, and beat, which may run anywhere, sends the periodic ones.

    Args:
        app: The Celery app.
        journal: The URL of the PostgreSQL database.
        out: The folder for the files; None saves none.
        open_client: Makes the client of a process, after the fork.
        lease: Seconds after its last sign of life for which a process holds its jobs.
        **options: Options of `client.batch`, such as `max_credits`, `poll_interval` and `exclusive`.

    Raises:
        InvalidArgumentError: The journal is not the URL of a PostgreSQL database, or an option is invalid.
        TypeError: `client.batch` has no such option.
    """
    checked = _check_options(require_shared_journal(journal), out, options)
    engine = CeleryEngine(app, open_client, {"journal": journal, "out": out, **options}, lease)
    periods = {"poll": checked.poll_interval, "sweep": SWEEP_PERIOD}
    for name in NAMES:
        _add_task(app, engine, name)

    def add_schedule(**_: Any) -> None:
        for name, seconds in periods.items():
            # A message that waits longer than a period is worth nothing: the next one does the same.
            options = {"queue": QUEUE, "expires": max(seconds, 1.0)}
            app.add_periodic_task(seconds, app.signature(f"{PREFIX}{name}"), name=f"{PREFIX}{name}", **options)

    if app.finalized:
        add_schedule()
    else:
        app.on_after_finalize.connect(add_schedule, weak=False)
    signals = import_module("celery.signals")
    for signal in (signals.worker_process_shutdown, signals.worker_shutdown):  # of a child, whose atexit is not run
        signal.connect(engine.give_back, weak=False)
    return engine


def _check_options(journal: str, out: str | None, options: dict[str, Any]) -> BatchOptions:
    """Check the options now: in each process that runs tasks, a mistake is an error of every task."""
    given = inspect.signature(AsyncBluma.batch).bind(None, journal, out=out, **options)
    given.apply_defaults()
    return BatchOptions.checked(**{name: given.arguments[name] for name in given.arguments.keys() - {"self", "reuse"}})


def _add_task(app: Any, engine: CeleryEngine, name: str) -> None:
    def run(place: int | None = None) -> None:
        engine.run(name, place)

    run.__name__ = name
    options = {"acks_late": True, "reject_on_worker_lost": True, "ignore_result": True, "shared": False}
    app.task(run, name=f"{PREFIX}{name}", **options)
