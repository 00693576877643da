"""`bluma batch status --watch`: who works on a batch."""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, List

import attrs
import pytest
from rich.console import Console

from bluma_async import AsyncBluma
from bluma_async.batch.watching import opened_view
from bluma_async.cli.watching import draw, format_line
from bluma_async.stores.budget import Report
from bluma_async.stores.creates import WantedCreate
from bluma_async.stores.fleet_view import FleetView
from bluma_async.stores.jobs import BatchStatus, Intent, Job
from bluma_async.stores.postgres.creates import find_creates
from bluma_async.stores.postgres.jobs import PostgresJobStore
from bluma_async.stores.sqlite.jobs import SQLiteJobStore
from bluma_async.types._model import utc_now

WATCH = [sys.executable, "-m", "bluma", "batch", "status", "--watch", "--interval", "0.1", "--journal"]


async def read(journal: Any) -> FleetView:
    """Return what works on a journal."""
    async with AsyncBluma("bluma_test_x") as client, opened_view(client.batch(journal)) as read_view:
        return await read_view()


async def begin_creates(store: Any, *keys: str) -> None:
    """Plan two jobs for each key, and announce the create of the first of them."""
    for key in keys:
        for number in range(2):
            planned = await store.plan(Job(f"{key}{number}", f'{{"n":"{key}{number}"}}', key, None, "row"))
            epoch = store.sharing.epoch if store.sharing else 0
            if number == 0:
                await store.intend(planned.place, Intent(f"request-{key}", utc_now(), epoch, 2, 60.0))


async def test_a_view_has_all_workers(postgres: str) -> None:
    """What each holds, the budget that is left, the open creates, and strays."""
    stores: List[Any] = [await PostgresJobStore.open(postgres, to_write=True) for _ in range(2)]
    await begin_creates(stores[0], "a", "b")
    await stores[1].sharing.claim(["planned"], [], [])
    await stores[1].sharing.find_budget("key").lease(0, Report(1000, 100, 60.0, 0.0), 0.0)

    view = await read(postgres)
    for store in stores:
        await store.close()

    assert [(worker.held, worker.creating) for worker in view.workers] == [(2, 2), (1, 0)]
    assert all(str(os.getpid()) in worker.name and 0 < worker.ends_in <= 30 for worker in view.workers)
    assert [(budget.available, budget.quota) for budget in view.budgets] == [(90, 1000)]
    name = view.workers[0].name
    assert [(create.key, create.template_id, create.worker) for create in view.creates] == [
        ("a0", "a", name),
        ("b0", "b", name),
    ]
    assert 10 > view.creates[0].age >= view.creates[1].age >= 0
    assert (view.status.total, view.status.creating, view.strays) == (4, 2, 0)
    assert (await read(postgres)).workers[0].held == 2  # it has left, and its open creates are not settled


async def test_a_view_of_a_file_has_what_its_process_records(tmp_path: Path) -> None:
    """There are no workers and no budget."""
    store = await SQLiteJobStore.open(tmp_path / "journal.sqlite", to_write=True)
    await begin_creates(store, "a")
    await store.close()

    view = await read(tmp_path / "journal.sqlite")

    assert (view.workers, view.budgets, view.status.total, view.status.creating) == ((), (), 2, 1)
    assert [(create.key, create.template_id, create.worker) for create in view.creates] == [("a0", "a", None)]


async def test_creates_without_a_job_are_shown_too(postgres: str) -> None:
    """By their key; one whose process has left has no worker."""
    store: Any = await PostgresJobStore.open(postgres, to_write=True)
    creates: Any = find_creates(store)
    for name in ("order-1", None):
        turn = await creates.begin(WantedCreate(f"q-{name}", f"t-{name}", name, "content", utc_now(), 60.0))
    await creates.abandon(turn.number)

    view = await read(postgres)
    worker = view.workers[0].name
    await store.close()

    assert [(create.key, create.worker) for create in view.creates] == [("order-1", worker), (None, None)]


def test_an_output_that_is_no_terminal_gets_lines(tmp_path: Path) -> None:
    """One for each refresh, until Ctrl-C."""
    journal = tmp_path / "journal.sqlite"
    store = asyncio.run(SQLiteJobStore.open(journal, to_write=True))
    asyncio.run(begin_creates(store, "a"))
    asyncio.run(store.close())
    with subprocess.Popen([*WATCH, str(journal)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(2)]
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=15)

    assert process.returncode == 130
    assert all(line.startswith("2 jobs: 1 planned, 1 creating, 0 credits; open create a0 ") for line in lines)


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_it_ends_when_nobody_reads_its_output(tmp_path: Path, options: List[str]) -> None:
    """As in `bluma batch status --watch | head`: else it would read the journal for ever."""
    journal = tmp_path / "journal.sqlite"
    asyncio.run(asyncio.run(SQLiteJobStore.open(journal, to_write=True)).close())
    with subprocess.Popen([*WATCH, str(journal), *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        try:
            code = process.wait(15)
        finally:
            process.kill()

        assert (code, process.stderr.read()) == (0, b"")


def test_a_program_gets_an_object_for_each_refresh(tmp_path: Path) -> None:
    """With the fields that the command has without --watch, and those of the view."""
    journal = tmp_path / "journal.sqlite"
    store = asyncio.run(SQLiteJobStore.open(journal, to_write=True))
    asyncio.run(begin_creates(store, "a"))
    asyncio.run(store.close())
    with subprocess.Popen([*WATCH, str(journal), "--json"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        objects = [json.loads(process.stdout.readline()) for _ in range(2)]
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=15)

    counts = attrs.asdict(BatchStatus(total=2, planned=1, creating=1))
    for shown in objects:
        [create] = shown.pop("creates")
        assert (create.pop("age") >= 0, create) == (True, {"key": "a0", "template_id": "a", "worker": None})
        assert shown == {**counts, "workers": [], "budgets": [], "strays": 0}


async def test_a_screen_shows_every_worker(postgres: str) -> None:
    """The screen has a line for each worker below the names of the columns, and one for each open create."""
    store: Any = await PostgresJobStore.open(postgres, to_write=True)
    await begin_creates(store, "a")
    view = await read(postgres)
    await store.close()
    shown = io.StringIO()

    Console(file=shown, width=120).print(draw(view))

    assert view.workers[0].name in shown.getvalue()
    assert all(name in shown.getvalue() for name in ("worker", "epoch", "jobs held", "creating", "lease"))
    [line] = [line for line in shown.getvalue().splitlines() if "a0" in line]
    assert all(text in line for text in (" a ", view.workers[0].name, "0 s"))


def test_a_line_names_what_there_is() -> None:
    """A batch without jobs, workers and creates has a short one."""
    assert format_line(FleetView(status=BatchStatus())) == "0 jobs: none, 0 credits"
    assert format_line(FleetView(status=BatchStatus(total=1, in_doubt=1), strays=2)) == (
        "1 jobs: 1 in doubt, 0 credits; 2 stray(s)"
    )
