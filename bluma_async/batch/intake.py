"""
Take jobs in: from a file or a list all at once, from a stream one by one.

Rule 1: what can be read twice is checked as a whole before anything is created, and taken in wholly or not at all.
Rule 2: a stream is read no faster than its jobs are begun.
Rule 3: the user's own iterators run where the user's functions run.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import (
    TYPE_CHECKING,
    Any,
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Callable,
    Iterable,
    Iterator,
    List,
    Mapping,
    Sequence,
    Union,
)

from bluma_async._runtime.callbacks import call_back
from bluma_async._wire.checks import invalid
from bluma_async.batch import moves, records
from bluma_async.batch.jobs import Job, job_of
from bluma_async.batch.rows import Row, rows_of
from bluma_async.errors import BlumaError, InvalidArgumentError
from bluma_async.types import JobState

if TYPE_CHECKING:
    import sqlite3

    from bluma_async.batch.catalog import Catalog
    from bluma_async.batch.journal import Journal
    from bluma_async.batch.records import Entry
    from bluma_async.batch.terms import Stop, Terms

__all__ = ["Jobs", "entries_of"]

JobRow = Mapping[str, Any]
Jobs = Union[str, "os.PathLike[str]", Iterable[JobRow], AsyncIterable[JobRow], None]
TOLD = 20  # wrong rows at most
END: Any = object()


async def entries_of(
    jobs: Jobs, terms: Terms, journal: Journal, catalog: Catalog, stop: Stop
) -> AsyncGenerator[Entry, None]:
    """
    Give the jobs that are not at their end, each when it is asked for; once stopped, those alone that are begun.

    Raises:
        InvalidArgumentError: Rows cannot be right. Unless they came one by one, nothing was created.
    """
    rows = _all_at_once(jobs)
    if rows is None and jobs is not None:
        async for entry in _streamed(jobs, terms, journal, stop):  # type: ignore[arg-type]  # no path
            yield entry
        return
    mark = await journal.do(records.last_place)
    await journal.do(_plan, rows, terms.is_taken)
    try:
        await catalog.check(journal)
    except BlumaError:
        await journal.do(moves.forget, mark)
        raise
    async for entry in _planned(terms, journal, stop):
        yield entry


def _all_at_once(jobs: Jobs) -> Callable[[], Iterator[Row]] | None:
    if isinstance(jobs, (str, os.PathLike)):
        file = Path(jobs)
        return lambda: rows_of(file)
    if isinstance(jobs, Mapping):
        raise invalid("jobs", "jobs must be several jobs, or a file of them; put a single one into a list.")
    if isinstance(jobs, Sequence):
        listed: Sequence[Any] = jobs
        return lambda: ((f"job {number}", row) for number, row in enumerate(listed, 1))
    return None


def _plan(db: sqlite3.Connection, rows: Callable[[], Iterator[Row]] | None, is_taken: Callable[[str], bool]) -> None:
    """Take all rows in; without any, all that were taken in before."""
    moves.begin_run(db)
    if rows is None:
        moves.everything(db)
        return
    problems: List[InvalidArgumentError] = []
    for origin, row in rows():
        try:
            moves.plan(db, job_of(row, origin), is_taken)
        except InvalidArgumentError as problem:  # noqa: PERF203 - all are to be told
            problems.append(problem)
            if len(problems) == TOLD:
                break
    if problems:
        raise _together(problems)


def _together(problems: Sequence[InvalidArgumentError]) -> InvalidArgumentError:
    lines = "\n".join(f"  {problem}" for problem in problems)
    entries = [entry for problem in problems for entry in problem.validation_errors]
    how_many = "One row" if len(problems) == 1 else f"{len(problems)} rows"
    return InvalidArgumentError(f"{how_many} cannot be right. Nothing was created.\n{lines}", validation_errors=entries)


async def _planned(terms: Terms, journal: Journal, stop: Stop) -> AsyncIterator[Entry]:
    place: int | None = 0
    while place is not None:
        entries, place = await journal.do(records.to_do, place, saves=terms.out is not None)
        for entry in entries:
            if not (stop and entry.state == JobState.PLANNED):
                yield entry


async def _streamed(
    jobs: Iterable[JobRow] | AsyncIterable[JobRow], terms: Terms, journal: Journal, stop: Stop
) -> AsyncIterator[Entry]:
    await journal.do(moves.begin_run)
    number = 0
    async for row in _each(jobs):
        number += 1
        entry = await journal.do(_plan_one, job_of(row, f"job {number}"), terms)
        if entry is not None:
            yield entry
        if stop:
            return


def _plan_one(db: sqlite3.Connection, job: Job, terms: Terms) -> Entry | None:
    entry = records.read(db, moves.plan(db, job, terms.is_taken))
    return entry if records.is_open(entry, saves=terms.out is not None) else None


async def _each(jobs: Iterable[JobRow] | AsyncIterable[JobRow]) -> AsyncIterator[JobRow]:
    if isinstance(jobs, AsyncIterable):
        async for row in jobs:
            yield row
        return
    iterator = iter(jobs)
    while (row := await call_back(next, iterator, END)) is not END:
        yield row
