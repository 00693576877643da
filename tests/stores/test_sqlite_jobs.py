"""The SQLite store of jobs: crashes, other processes, and files that are not journals."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import IO, Any, Callable, List

import pytest

from bluma_async.errors import BlumaError
from bluma_async.stores.jobs import Job
from bluma_async.stores.sqlite.jobs import SQLiteJobStore
from bluma_async.stores.states import JobState
from tests.stores.steps import INTENT, bring_to, require_job

ROOT = Path(__file__).resolve().parent.parent.parent
MakeJob = Callable[..., Job]
PROGRAM = """
import asyncio, os, signal, sys
from pathlib import Path
from bluma_async.stores.jobs import Job
from bluma_async.stores.sqlite.jobs import SQLiteJobStore
from tests.stores.steps import INTENT

def rows(count):
    for number in range(count):
        yield Job(f"k{number}", "{}", "t", None, f"row {number}")
    if os.environ["DIES"] == "while planning":
        os.kill(os.getpid(), signal.SIGKILL)

async def main():
    store = await SQLiteJobStore.open(Path(sys.argv[1]), to_write=True)
    await store.plan_all(rows(50), most=20)
    for place in range(1, 51):
        await store.intend(place, INTENT)
        await store.bill(place, f"video-{place}", 2, request_key=None)
        print(place, flush=True)
        sys.stdin.readline()

asyncio.run(main())
"""

MANY = """
import asyncio, sys
from pathlib import Path
from bluma_async.stores.jobs import Job
from bluma_async.stores.sqlite.jobs import SQLiteJobStore
from tests.stores.steps import INTENT

async def main():
    store = await SQLiteJobStore.open(Path(sys.argv[1]), to_write=True)
    await store.plan_all((Job(f"k{number}", "{}", "t", None, f"row {number}") for number in range(5000)), most=20)

    async def bill(first):
        for place in range(first, 5001, 20):
            await store.intend(place, INTENT)
            print("creating", place, flush=True)
            await store.bill(place, f"video-{place}", 2, request_key=None)
            print("rendering", place, flush=True)

    await asyncio.gather(*(bill(first) for first in range(1, 21)))

asyncio.run(main())
"""


def start(path: Path, dies: str = "", program: str = PROGRAM) -> subprocess.Popen[str]:
    """Start a process that plans fifty jobs, and bills one for each line it reads."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "DIES": dies}
    command = [sys.executable, "-c", program, str(path)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)


def bill_some(process: subprocess.Popen[str], count: int) -> None:
    """Wait for so many bills."""
    assert process.stdin is not None
    assert process.stdout is not None
    for number in range(count):
        assert process.stdout.readline() == f"{number + 1}\n"
        if number + 1 < count:
            process.stdin.write("next\n")
            process.stdin.flush()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Give the path of a journal."""
    return tmp_path / "journal.sqlite"


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
async def test_a_killed_process_loses_no_committed_step(path: Path) -> None:
    """Every bill that it reported is recorded, no step is half done, and its lock is released."""
    with start(path) as process:
        await asyncio.get_running_loop().run_in_executor(None, bill_some, process, 5)
        process.kill()

    store = await SQLiteJobStore.open(path, to_write=True)
    status = await store.statistics()
    await store.close()

    assert (status.rendering, status.planned, status.credits_charged) == (5, 45, 10)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
@pytest.mark.parametrize("moment", [1, 50, 333])
async def test_a_process_killed_during_many_steps_loses_none(path: Path, moment: int) -> None:
    """Every step that it reported is recorded, also those that shared a transaction; each step is whole."""
    with start(path, program=MANY) as process:
        assert process.stdout is not None
        reported = await asyncio.get_running_loop().run_in_executor(None, _read_lines, process.stdout, moment)
        process.kill()
        *whole, _ = process.stdout.read().split("\n")  # the last line may be cut
        reported += whole

    ordered = "(SELECT * FROM history ORDER BY place, rowid)"
    steps = await _execute(path, f"SELECT place, group_concat(state) FROM {ordered} GROUP BY place")
    states = dict(await _execute(path, "SELECT place, state FROM jobs"))
    bills = {row[0] for row in await _execute(path, "SELECT place FROM videos")}
    known = {f"{state} {place}" for place, line in steps for state in line.split(",")}
    assert len(reported) >= moment
    assert set(reported) <= known
    assert {place: line.split(",")[-1] for place, line in steps} == states
    assert {place for place, state in states.items() if state == "rendering"} == bills


def _read_lines(file: IO[str], count: int) -> List[str]:
    return [file.readline().strip() for _ in range(count)]


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
async def test_a_process_killed_while_planning_planned_nothing(path: Path) -> None:
    """A plan is one transaction."""
    with start(path, dies="while planning") as process:
        code = await asyncio.get_running_loop().run_in_executor(None, process.wait)

    store = await SQLiteJobStore.open(path, to_write=True)
    status = await store.statistics()
    await store.close()

    assert (code, status.total) == (-signal.SIGKILL, 0)


async def test_a_second_writer_is_refused(path: Path) -> None:
    """The error names the process that writes; readers are free."""
    first = await SQLiteJobStore.open(path, to_write=True)

    with pytest.raises(BlumaError, match=f"in use by process {os.getpid()}"):
        await SQLiteJobStore.open(path, to_write=True)
    reader = await SQLiteJobStore.open(path, to_write=False)
    assert (await reader.statistics()).total == 0

    for opened in (reader, first):
        await opened.close()
    await (await SQLiteJobStore.open(path, to_write=True)).close()


async def test_a_step_that_fails_half_way_is_undone(path: Path, make_job: MakeJob) -> None:
    """The history cannot be written: the state and the bill are not either."""
    store = await SQLiteJobStore.open(path, to_write=True)
    job = await bring_to(store, make_job("k"), JobState.CREATING)
    await _execute(path, "ALTER TABLE history RENAME TO hidden")

    with pytest.raises(BlumaError, match="could not be used"):
        await store.bill(job.place, "video", 2, request_key=None)
    await _execute(path, "ALTER TABLE hidden RENAME TO history")

    assert await store.read(job.place) == job
    assert not await store.is_billed("video")
    require_job(await store.bill(job.place, "video", 2, request_key=None))
    await store.close()


async def test_a_cancelled_step_is_done_wholly_or_not_at_all(path: Path, make_job: MakeJob) -> None:
    """The transaction continues in its thread, and the next verb waits for it."""
    store = await SQLiteJobStore.open(path, to_write=True)
    job = require_job(await store.plan(make_job("k")))

    task = asyncio.ensure_future(store.intend(job.place, INTENT))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    stored, history = require_job(await store.read(job.place)), await store.history(job.place)
    assert [line.state for line in history][1:] == ([JobState.CREATING] if stored.state == "creating" else [])
    await store.close()


async def test_an_intent_is_on_disk_before_the_verb_returns(path: Path, make_job: MakeJob) -> None:
    """SQLite waits for the disk at every commit; another connection sees the intent."""
    store = await SQLiteJobStore.open(path, to_write=True)
    await bring_to(store, make_job("k"), JobState.CREATING)

    rows = await _execute(path, "SELECT state, request_key, started_at FROM jobs")
    [[level]] = await store._file.do(lambda database: database.execute("PRAGMA synchronous").fetchall())
    await store.close()

    assert rows == [("creating", "request-1", "2025-11-03T10:30:00+00:00")]
    assert level == 2  # FULL


async def test_a_journal_of_an_earlier_release_is_read(path: Path, make_job: MakeJob) -> None:
    """The state, the bill and the times keep their form in the file."""
    store = await SQLiteJobStore.open(path, to_write=True)
    await bring_to(store, make_job("k"), JobState.SAVED)
    await store.close()
    columns = "key, body, run, state, request_key, started_at, video_id, path, size, error, candidates"

    jobs = await _execute(path, f"SELECT {columns} FROM jobs")
    videos = await _execute(path, "SELECT * FROM videos")

    began = "2025-11-03T10:30:00+00:00"
    line = ("k", '{"n":"k"}', 0, "saved", "request-1", began, "video-1", "k.mp4", 1000, None, "[]")
    assert (jobs, videos) == ([line], [("video-1", 1, 3, 0)])


async def _execute(path: Path, statement: str) -> List[Any]:
    """Execute a statement on a connection of its own, in a thread."""

    def execute() -> List[Any]:
        with contextlib.closing(sqlite3.connect(path)) as database, database:
            return database.execute(statement).fetchall()

    return await asyncio.get_running_loop().run_in_executor(None, execute)
