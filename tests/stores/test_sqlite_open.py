"""New SQLite files are safe to open from many threads and processes at the same moment."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from threading import Barrier
from typing import List

import pytest

from bluma_async.stores.sqlite.jobs import SQLiteJobStore
from bluma_async.stores.sqlite.open import create_once

ROOT = Path(__file__).resolve().parent.parent.parent
SCHEMA = "CREATE TABLE a (x); CREATE TABLE b (x)"
THREADS, PROCESSES, FILES = 8, 4, 60
OPENING = """
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from bluma import SQLiteStore

folder, threads, files = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
barrier = Barrier(threads)

def claim(number):
    barrier.wait()
    return SQLiteStore(folder / str(number)).claim("event", b"{}")

claims = 0
with ThreadPoolExecutor(threads) as pool:
    for number in range(files):
        print("ready", flush=True)
        sys.stdin.readline()
        claims += sum(pool.map(claim, [number] * threads))
print(claims)
"""


def connect(path: Path) -> sqlite3.Connection:
    """Open a connection in autocommit mode that does not wait for locks."""
    return sqlite3.connect(str(path), timeout=0, isolation_level=None)


def is_new(database: sqlite3.Connection) -> bool:
    """Return whether there is no table."""
    return database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0


def test_a_locked_file_is_switched_to_wal_once_it_is_free(tmp_path: Path) -> None:
    """The switch is retried, with a pause, until the other connection has released its lock."""
    slept: List[float] = []
    with closing(connect(tmp_path / "new")) as other, closing(connect(tmp_path / "new")) as database:
        other.execute("BEGIN IMMEDIATE")

        def sleep(seconds: float) -> None:
            slept.append(seconds)
            if len(slept) == 3:
                other.execute("COMMIT")

        create_once(database, SCHEMA, is_new, timeout=1.0, sleep=sleep)

        assert slept == [0.01] * 3
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert not is_new(database)


def test_a_file_that_stays_locked_is_given_up(tmp_path: Path) -> None:
    """The error is SQLite's own, and comes after the timeout; nothing is created."""
    slept: List[float] = []
    with closing(connect(tmp_path / "new")) as other, closing(connect(tmp_path / "new")) as database:
        other.execute("BEGIN IMMEDIATE")

        with pytest.raises(sqlite3.OperationalError, match="locked"):
            create_once(database, SCHEMA, is_new, timeout=1.0, sleep=slept.append)

        assert sum(slept) == pytest.approx(1.0)
        assert is_new(database)


def test_a_refusal_of_the_disk_is_not_retried(tmp_path: Path) -> None:
    """Only locks pass; what else SQLite reports is raised at once."""
    path = tmp_path / "new"
    with closing(connect(path)) as database:
        database.execute("PRAGMA user_version = 1")
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None)) as database, pytest.raises(
        sqlite3.OperationalError, match="readonly"
    ):
        create_once(database, SCHEMA, is_new, timeout=1.0, sleep=lambda _: pytest.fail("it was retried"))


def test_tables_that_another_connection_created_meanwhile_are_left(tmp_path: Path) -> None:
    """Whether the file is new is decided again inside the transaction."""
    with closing(connect(tmp_path / "new")) as other, closing(connect(tmp_path / "new")) as database:

        def overtaken(asked: sqlite3.Connection) -> bool:
            answer = is_new(asked)
            if not asked.in_transaction:
                create_once(other, SCHEMA, is_new, timeout=0.0)
            return answer

        create_once(database, SCHEMA, overtaken, timeout=0.0)

        assert not database.in_transaction
        assert database.execute("SELECT count(*) FROM sqlite_master").fetchone() == (2,)


def test_a_schema_is_created_wholly_or_not_at_all(tmp_path: Path) -> None:
    """A statement that fails takes those before it along."""
    with closing(connect(tmp_path / "new")) as database:
        with pytest.raises(sqlite3.OperationalError, match="syntax"):
            create_once(database, "CREATE TABLE a (x); NONSENSE", is_new, timeout=0.0)

        assert is_new(database)
        assert not database.in_transaction


def test_one_of_many_threads_and_processes_claims_an_event_in_a_new_file(tmp_path: Path) -> None:
    """All open the file at the same moment; none fails, and exactly one claim succeeds."""
    command = [sys.executable, "-c", OPENING, str(tmp_path), str(THREADS), str(FILES)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with ExitStack() as running:
        processes = []
        for _ in range(PROCESSES):
            process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
            )
            running.enter_context(process)
            running.callback(process.kill)
            processes.append(process)

        for _ in range(FILES):
            assert [process.stdout.readline() for process in processes] == ["ready\n"] * PROCESSES
            for process in processes:
                process.stdin.write("go\n")
                process.stdin.flush()
        claims = [int(process.communicate()[0]) for process in processes]

    assert sum(claims) == FILES
    assert [process.returncode for process in processes] == [0] * PROCESSES


@pytest.mark.parametrize("number", range(10))
def test_threads_that_read_a_journal_do_not_disturb_the_one_that_creates_it(tmp_path: Path, number: int) -> None:
    """Readers and the writer open the same new file; all see a whole journal."""
    path, barrier = tmp_path / "journal.sqlite", Barrier(THREADS)
    path.touch()

    async def count(*, to_write: bool) -> int:
        store = await SQLiteJobStore.open(path, to_write=to_write)
        try:
            return (await store.statistics()).total
        finally:
            await store.close()

    def use(place: int) -> int:
        barrier.wait()
        return asyncio.run(count(to_write=place == 0))

    with ThreadPoolExecutor(THREADS) as pool:
        assert list(pool.map(use, range(THREADS))) == [0] * THREADS
