"""The tasks of a fleet in Celery apps with settings of their own."""

from __future__ import annotations

import asyncio
import contextlib
import re
from pathlib import Path
from typing import Any, Dict, List, Tuple

import pytest

from bluma_async import errors
from bluma_async.fleet.celery import tasks

celery = pytest.importorskip("celery", reason="Celery is not installed")
pytest.importorskip("celery.beat")
pytest.importorskip("psycopg", reason="the extra fleet is not installed")
URL = "postgresql://db/app"
OTHER = "postgresql://db/other"


def route(name: str, *_: Any, **__: Any) -> Dict[str, str]:
    """Send every task to another queue, as a router of an app."""
    return {"queue": "other"}


def take_all(app: Any, queue: str) -> List[Any]:
    """Return the messages of a queue."""
    found: List[Any] = []
    with app.connection_for_read() as connection:
        messages = connection.SimpleQueue(queue)
        with contextlib.suppress(messages.Empty):
            while True:
                found.append(messages.get_nowait())
                found[-1].ack()
    return found


def start_beat(app: Any, kind: Any = None) -> Any:
    """Return the scheduler of a beat that has started and ended before its first round. It is not closed."""
    service = celery.beat.Service(app, scheduler_cls=kind or celery.beat.Scheduler)
    service.sync = lambda: None
    service.stop()
    service.start()
    return service.scheduler


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Give an app with its broker in memory, without the tasks that other tests have shared with all apps."""
    monkeypatch.setattr("celery._state._on_app_finalizers", set())
    app = celery.Celery("app", broker="memory://", set_as_current=False)
    take_all(app, "bluma")  # which other tests have left
    return app


@pytest.mark.parametrize(
    "routes", [None, {"a.*": {"queue": "a"}}, ({"a.*": {"queue": "a"}},), (route,), [[("b.*", {"queue": "b"})]]]
)
def test_an_app_keeps_its_routes(app: Any, routes: Any) -> None:
    """The tasks of the fleet go to their queue, whatever form the routes have; a late sweep is dropped."""
    app.conf.task_routes = routes
    engine = tasks(app, URL)

    app.finalize()  # as a worker and beat do when they start
    asyncio.run(engine.defer("save", 1))
    scheduler = start_beat(app)
    for name in ("poll", "sweep"):
        scheduler.apply_async(scheduler.schedule[engine.name(name)])
    found = {message.headers["task"]: message.headers["expires"] for message in take_all(app, "bluma")}

    assert {name: expires is not None for name, expires in found.items()} == {
        engine.name("save"): False, engine.name("poll"): True, engine.name("sweep"): True,
    }  # fmt: skip
    assert app.conf.task_routes == routes


@pytest.mark.parametrize("moment", ["before", "after it was finalized", "after its first task"])
def test_an_app_that_is_configured_at_any_time_has_the_schedule(app: Any, tmp_path: Path, moment: str) -> None:
    """Beat adds it when it starts, and when it starts again; the period of the polls is that of the batch."""
    app.conf.beat_schedule_filename = str(tmp_path / "beat")
    own = {"own": {"task": "own", "schedule": 60.0}}
    if moment == "before":
        app.conf.beat_schedule = own
    engine = tasks(app, URL, poll_interval=7.0)
    app.finalize()
    if moment == "after its first task":
        asyncio.run(engine.defer("save", 1))

    app.conf.beat_schedule = own
    for kind in (celery.beat.Scheduler, celery.beat.PersistentScheduler, celery.beat.PersistentScheduler):
        scheduler = start_beat(app, kind)
        entries = {name: entry for name, entry in scheduler.schedule.items() if not name.startswith("celery.")}
        periods = {name: entry.schedule.run_every.total_seconds() for name, entry in entries.items()}

        assert periods == {"own": 60.0, engine.name("poll"): 7.0, engine.name("sweep"): 2.0}
        scheduler.close()


def test_the_beat_of_another_app_has_its_own_schedule(app: Any) -> None:
    """One process may have several apps."""
    tasks(celery.Celery("other", broker="memory://", set_as_current=False), URL)

    assert dict(start_beat(app).schedule) == {}


def test_two_journals_of_one_app_have_tasks_of_their_own(app: Any) -> None:
    """One process runs both; a task of one never runs as one of the other."""
    ran: List[Tuple[str, int]] = []
    engines = {url: tasks(app, url) for url in (URL, OTHER)}
    for url, engine in engines.items():
        engine.run = lambda name, place, url=url: ran.append((url, place))  # type: ignore[method-assign]  # no process
        asyncio.run(engine.defer("save", 1))

    for message in take_all(app, "bluma"):
        app.tasks[message.headers["task"]](*message.payload[0])

    assert sorted(ran) == [(URL, 1), (OTHER, 1)]
    assert len(start_beat(app).schedule) == 4


def test_an_app_with_another_journal_refuses_a_task(app: Any) -> None:
    """Celery knows no such task, and logs an error; with queues of their own, the apps do not meet."""
    others = [celery.Celery("other", broker="memory://", set_as_current=False) for _ in range(2)]
    tasks(app, URL)
    for other, queue in zip(others, ("bluma", "other")):
        asyncio.run(tasks(other, OTHER, queue=queue).defer("save", 1))

    [taken], [own] = take_all(app, "bluma"), take_all(app, "other")

    assert taken.headers["task"] not in app.tasks
    assert own.headers["task"] in others[1].tasks


@pytest.mark.parametrize("same", ["postgres://me:secret@DB:5432/app", f"{URL}?connect_timeout=5&user=x"])
def test_the_login_is_no_part_of_a_journal(app: Any, same: str) -> None:
    """Beat, workers and web servers may have users of their own."""
    assert tasks(app, URL).name("save") == tasks(app, same).name("save")


@pytest.mark.parametrize(
    "other", ["postgresql://db2/app", "postgresql://db:5433/app", OTHER, f"{URL}?options=-c%20search_path%3Dtwo"]
)
def test_a_journal_is_a_schema_of_a_database_of_a_server(app: Any, other: str) -> None:
    """Each of these is part of the names of the tasks, which show none of them."""
    name = tasks(app, other).name("save")

    assert name != tasks(app, URL).name("save")
    assert re.fullmatch(r"bluma\.[0-9a-f]{8}\.save", name)


@pytest.mark.parametrize("journal", ["/tmp/x.sqlite", "redis://x", 5, ""])
def test_a_journal_of_one_machine_is_refused(app: Any, journal: Any) -> None:
    """When the tasks are added: later, it would be an error of each task."""
    with pytest.raises(errors.InvalidArgumentError, match="A worker needs a journal in PostgreSQL"):
        tasks(app, journal)


def test_options_are_checked(app: Any) -> None:
    """A misspelt credit limit would be no limit."""
    with pytest.raises(TypeError, match="max_credit'"):
        tasks(app, URL, max_credit=5)
    mistakes: List[Dict[str, Any]] = [
        {"poll_interval": 0}, {"lease": 0}, {"lease": "x"}, {"lease": 1.5}, {"queue": ""},
        {"open_client": 5}, {"open_client": None},
    ]  # fmt: skip
    for mistake in mistakes:
        with pytest.raises(errors.InvalidArgumentError, match=next(iter(mistake))):
            tasks(app, URL, **mistake)
