"""The tasks of a fleet in Celery apps with settings of their own."""

from __future__ import annotations

import asyncio
from typing import Any, Dict

import pytest

from bluma_async import errors
from bluma_async.fleet.celery import tasks

celery = pytest.importorskip("celery", reason="Celery is not installed")
pytest.importorskip("celery.beat")
URL = "postgresql://db/app"


def route(name: str, *_: Any, **__: Any) -> Dict[str, str]:
    """Send every task to another queue, as a router of an app."""
    return {"queue": "other"}


def take(queue: Any) -> Any:
    """Return the next message of a queue; None if it is empty."""
    try:
        message = queue.get_nowait()
    except queue.Empty:
        return None
    message.ack()
    return message


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Give an app with its broker in memory, without the tasks that other tests have shared with all apps."""
    monkeypatch.setattr("celery._state._on_app_finalizers", set())
    return celery.Celery("app", broker="memory://", set_as_current=False)


@pytest.mark.parametrize(
    "routes", [None, {"a.*": {"queue": "a"}}, ({"a.*": {"queue": "a"}},), (route,), [[("b.*", {"queue": "b"})]]]
)
def test_an_app_keeps_its_routes(app: Any, routes: Any) -> None:
    """The tasks of the fleet go to their queue, whatever form the routes have; a late sweep is dropped."""
    app.conf.task_routes = routes
    engine = tasks(app, URL)

    app.finalize()  # as a worker and beat do when they start
    asyncio.run(engine.defer("save", 1))
    scheduler = celery.beat.Scheduler(app)
    entries = {name: scheduler.schedule[name] for name in ("bluma.poll", "bluma.sweep")}
    for entry in entries.values():
        scheduler.apply_async(entry)
    with app.connection_for_read() as connection:
        queue = connection.SimpleQueue("bluma")
        found = {message.headers["task"]: message.headers["expires"] for message in iter(lambda: take(queue), None)}

    assert {name: expires is not None for name, expires in found.items()} == {
        "bluma.save": False, "bluma.poll": True, "bluma.sweep": True,
    }  # fmt: skip
    assert app.conf.task_routes == routes


@pytest.mark.parametrize("is_finalized", [False, True])
def test_an_app_that_is_configured_later_has_the_schedule(app: Any, *, is_finalized: bool) -> None:
    """It is added to the schedule of the app; the period of the polls is that of the batch."""
    own = {"own": {"task": "own", "schedule": 60.0}}
    if is_finalized:
        app.config_from_object({"beat_schedule": own})
        app.finalize()

    tasks(app, URL, poll_interval=7.0)
    if not is_finalized:
        app.config_from_object({"beat_schedule": own})
        app.finalize()

    periods = {name: entry["schedule"] for name, entry in app.conf.beat_schedule.items()}
    assert periods == {"own": 60.0, "bluma.poll": 7.0, "bluma.sweep": 2.0}


@pytest.mark.parametrize("journal", ["/tmp/x.sqlite", "redis://x", 5, ""])
def test_a_journal_of_one_machine_is_refused(app: Any, journal: Any) -> None:
    """When the tasks are added: later, it would be an error of each task."""
    with pytest.raises(errors.InvalidArgumentError, match="A worker needs a journal in PostgreSQL"):
        tasks(app, journal)


def test_options_are_checked(app: Any) -> None:
    """A misspelt credit limit would be no limit."""
    with pytest.raises(TypeError, match="max_credit'"):
        tasks(app, URL, max_credit=5)
    with pytest.raises(errors.InvalidArgumentError, match="poll_interval"):
        tasks(app, URL, poll_interval=0)
