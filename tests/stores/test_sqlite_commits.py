"""Group commit: verbs that share a transaction, and each of them as if it were alone."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from functools import partial
from pathlib import Path
from typing import Any, AsyncIterator, Callable, List

import pytest

from bluma_async._runtime.thread_pool import start_in_thread
from bluma_async._runtime.threads import in_thread
from bluma_async.stores.sqlite.commits import GroupCommit, RollbackWith

PAGE = "x" * 4096


class Database:
    """A database of one table, with a log of its transactions."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.log: List[str] = []
        self.connection = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
        self.connection.execute("PRAGMA journal_mode = WAL")
        self.connection.execute("CREATE TABLE lines (text TEXT UNIQUE)")
        self.connection.set_trace_callback(self._note)
        self.commits = GroupCommit(self.connection, "BEGIN IMMEDIATE", lambda error: error)

    def add(self, text: str) -> str:
        self.connection.execute("INSERT INTO lines VALUES (?)", (text,))
        return text

    def read(self) -> List[str]:
        with sqlite3.connect(self._path) as other:
            found = [row[0] for row in other.execute("SELECT text FROM lines ORDER BY rowid")]
        other.close()
        return found

    async def execute(self, statement: str) -> None:
        await in_thread(lambda: self.connection.execute(statement).fetchall())

    def _note(self, statement: str) -> None:
        if not statement.startswith(("INSERT", "PRAGMA")):
            self.log.append(statement.split(maxsplit=1)[0])


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    """Give a new database."""
    made = await in_thread(Database, tmp_path / "lines.sqlite")
    yield made
    await in_thread(made.connection.close)


async def add_all(database: Database, *texts: str) -> List[Any]:
    """Add lines at the same time; return the outcome of each."""
    verbs = (database.commits.do(partial(database.add, text)) for text in texts)
    return await asyncio.gather(*verbs, return_exceptions=True)


async def test_verbs_that_wait_share_a_transaction(database: Database) -> None:
    """The first one runs alone, because nothing is written yet; those that are called meanwhile are one commit."""
    assert await add_all(database, "a", "b", "c", "d") == ["a", "b", "c", "d"]

    assert database.log == ["BEGIN", "COMMIT"] * 2
    assert await in_thread(database.read) == ["a", "b", "c", "d"]


async def test_each_verb_is_on_disk_when_it_returns(database: Database) -> None:
    """Another connection sees its line, also that of a verb that shares its transaction."""

    async def add(text: str) -> List[str]:
        await database.commits.do(partial(database.add, text))
        return await in_thread(database.read)  # type: ignore[no-any-return]  # threads have no types

    seen = await asyncio.gather(*map(add, "abcde"))

    assert all(text in lines for text, lines in zip("abcde", seen))


async def test_an_error_reaches_the_verb_that_it_concerns(database: Database) -> None:
    """The others of its group are committed, in their order."""
    outcomes = await add_all(database, "a", "b", "b", "c", "d")

    assert [type(outcome) for outcome in outcomes] == [str, str, sqlite3.IntegrityError, str, str]
    assert await in_thread(database.read) == ["a", "b", "c", "d"]


async def test_a_full_disk_reaches_every_verb_that_needs_room(database: Database) -> None:
    """Verbs that still fit are recorded; after the disk has room again, all are."""
    await database.execute("PRAGMA cache_size = 1")
    await database.execute("PRAGMA max_page_count = 6")
    long = [letter + PAGE * 8 for letter in "bcd"]

    outcomes = await add_all(database, "a", *long, "e")

    assert [type(outcome).__name__ for outcome in outcomes] == ["str", *["OperationalError"] * 3, "str"]
    assert await in_thread(database.read) == ["a", "e"]
    await database.execute("PRAGMA max_page_count = 1000")
    assert await add_all(database, *long) == long


async def test_a_commit_that_fails_reaches_the_verb_that_it_concerns(database: Database) -> None:
    """The constraint is checked by the commit, after every verb of the group has succeeded."""
    await database.execute("PRAGMA foreign_keys = ON")
    await database.execute("CREATE TABLE notes (line TEXT REFERENCES lines (text) DEFERRABLE INITIALLY DEFERRED)")

    def note(text: str) -> None:
        database.connection.execute("INSERT INTO notes VALUES (?)", (text,))

    verbs: List[Callable[[], Any]]
    verbs = [partial(database.add, "a"), partial(note, "a"), partial(note, "missing"), partial(database.add, "b")]
    outcomes = await asyncio.gather(*map(database.commits.do, verbs), return_exceptions=True)

    assert [type(outcome).__name__ for outcome in outcomes] == ["str", "NoneType", "IntegrityError", "str"]
    assert await in_thread(database.read) == ["a", "b"]


async def test_a_locked_file_is_waited_for_once(database: Database, tmp_path: Path) -> None:
    """All verbs of a group get the error of its one attempt; a verb for each would be a wait for each."""
    other = await in_thread(partial(sqlite3.connect, tmp_path / "lines.sqlite", check_same_thread=False))
    await in_thread(other.execute, "BEGIN IMMEDIATE")

    outcomes = await add_all(database, "a", "b", "c", "d")
    await in_thread(other.close)

    assert {str(outcome) for outcome in outcomes} == {"database is locked"}
    assert database.log == ["BEGIN"] * 2
    assert await add_all(database, "e") == ["e"]


async def test_a_commit_that_waits_for_a_lock_in_vain(database: Database, tmp_path: Path) -> None:
    """Without WAL a reader excludes a commit. Every verb of the group gets the error, and none of them is recorded."""
    await database.execute("PRAGMA journal_mode = DELETE")
    reader = await in_thread(partial(sqlite3.connect, tmp_path / "lines.sqlite", check_same_thread=False))
    await in_thread(reader.execute, "BEGIN")
    await in_thread(lambda: reader.execute("SELECT * FROM lines").fetchall())

    outcomes = await add_all(database, "a", "b", "c", "d")
    await in_thread(reader.close)

    assert {str(outcome) for outcome in outcomes} == {"database is locked"}
    assert database.log == ["BEGIN", "COMMIT", "ROLLBACK"] * 2
    assert await add_all(database, "e", "a", "b") == ["e", "a", "b"]
    assert await in_thread(database.read) == ["e", "a", "b"]


async def test_a_lock_while_verbs_run_alone_ends_the_group(database: Database, tmp_path: Path) -> None:
    """Another process locks the file when the group has failed: verbs that were committed stay, the rest waits once."""
    other = await in_thread(partial(sqlite3.connect, tmp_path / "lines.sqlite", check_same_thread=False))
    runs = 0

    def lock() -> None:
        nonlocal runs
        runs += 1
        if runs == 2:  # alone
            database.connection.execute("COMMIT")
            other.execute("BEGIN IMMEDIATE")

    verbs: List[Callable[[], Any]] = [int, partial(database.add, "a"), partial(database.add, "b"), lock]
    verbs += [partial(int, "no")] * 10
    outcomes = await asyncio.gather(*map(database.commits.do, verbs), return_exceptions=True)
    await in_thread(other.close)

    assert outcomes[:3] == [0, "a", "b"]
    assert await in_thread(database.read) == ["a", "b"]
    assert {str(outcome) for outcome in outcomes[4:]} == {"database is locked"}
    assert database.log.count("BEGIN") == 6


async def test_a_cancelled_verb_is_run_and_its_caller_waits(database: Database) -> None:
    """A verb that shares a transaction cannot be taken out of it; the others do not notice."""
    may_begin = threading.Event()
    first = asyncio.ensure_future(database.commits.do(partial(may_begin.wait, 10)))
    verbs = [asyncio.ensure_future(database.commits.do(partial(database.add, text))) for text in "abc"]
    await asyncio.sleep(0)

    verbs[1].cancel()
    done, _ = await asyncio.wait([verbs[1]], timeout=0.05)
    may_begin.set()

    assert not done
    assert await asyncio.gather(first, *verbs, return_exceptions=True) == [True, "a", _Cancelled(), "c"]
    assert await in_thread(database.read) == ["a", "b", "c"]


class _Cancelled:
    def __eq__(self, other: object) -> bool:
        return isinstance(other, asyncio.CancelledError)

    __hash__ = None  # type: ignore[assignment]  # an object that equals several has no hash


async def test_a_function_that_cannot_be_repeated_runs_once(database: Database) -> None:
    """It reads an iterator; a verb beside it fails, and is run again without it."""
    texts = iter("xyz")

    def add_rest() -> int:
        return len([database.add(text) for text in texts])

    outcomes = await asyncio.gather(
        *(database.commits.do(partial(database.add, text)) for text in "aab"),
        database.commits.do_once(add_rest),
        database.commits.do(partial(database.add, "c")),
        return_exceptions=True,
    )

    assert [type(outcome).__name__ for outcome in outcomes] == ["str", "IntegrityError", "str", "int", "str"]
    assert await in_thread(database.read) == ["a", "b", "x", "y", "z", "c"]


async def test_a_result_without_a_trace(database: Database) -> None:
    """RollbackWith undoes the transaction, and its value is the result."""

    def give_up() -> None:
        database.add("x")
        raise RollbackWith("refused")

    assert await database.commits.do_once(give_up) == "refused"
    assert await in_thread(database.read) == []


async def test_a_system_that_starts_no_thread(database: Database) -> None:
    """Every verb gets the error, and later ones are run."""
    refusals = 2

    def start(*args: Any) -> None:
        nonlocal refusals
        refusals -= 1
        if refusals >= 0:
            raise RuntimeError("can't start new thread")
        start_in_thread(*args)

    commits = GroupCommit(database.connection, "BEGIN", lambda error: error, start)

    for _ in range(2):
        with pytest.raises(RuntimeError, match="new thread"):
            await commits.do(partial(database.add, "a"))
    assert await commits.do(partial(database.add, "b")) == "b"
