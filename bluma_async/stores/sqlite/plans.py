"""
Plan jobs in a SQLite journal, inside a transaction.

Rule: a plan or a submission is one transaction; if any of its rows is refused, it leaves no trace.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, Iterable, List

import attrs

from bluma_async.stores.jobs import NO_RUN, Conflict, InvalidRow, Job, Plan, StoredJob
from bluma_async.stores.sqlite import queries
from bluma_async.stores.sqlite.commits import RollbackWith
from bluma_async.stores.sqlite.writes import write_meta
from bluma_async.stores.states import JobState
from bluma_async.stores.transitions import correct, find_plan_conflict, find_submit_conflict

if TYPE_CHECKING:
    import sqlite3

    from bluma_async.stores.jobs import Outcome, PlanRow
    from bluma_async.stores.sqlite.writes import Writer

__all__ = ["begin_run", "forget", "plan_all", "plan_one", "resume", "submit"]


def plan_all(db: sqlite3.Connection, writer: Writer, rows: Iterable[PlanRow], most: int) -> Plan:
    """Begin a run with these jobs, or raise a RollbackWith that has the refused rows."""
    mark, run = queries.read_last_place(db), begin_run(db)
    return _plan_rows(rows, most, mark, lambda job: _plan(db, writer, job, run))


def submit(db: sqlite3.Connection, writer: Writer, rows: Iterable[PlanRow], most: int) -> Plan:
    """Add the jobs that are new, or raise a RollbackWith that has the refused rows."""
    mark, run = queries.read_last_place(db), queries.read_run(db)
    takes_all = queries.read_meta(db, "resumed") == str(run)
    return _plan_rows(rows, most, mark, lambda job: _submit(db, writer, job, mark, run if takes_all else NO_RUN))


def plan_one(db: sqlite3.Connection, writer: Writer, job: Job) -> Outcome:
    """Add a job to the present run, or return why it is refused; a refusal has changed nothing."""
    return _plan(db, writer, job, queries.read_run(db))


def begin_run(db: sqlite3.Connection) -> int:
    """Return the number of a new run."""
    run = queries.read_run(db) + 1
    write_meta(db, "run", str(run))
    return run


def resume(db: sqlite3.Connection) -> None:
    """Begin a run with all jobs of the journal, and with those that are submitted while it lasts."""
    run = begin_run(db)
    write_meta(db, "resumed", str(run))
    db.execute("UPDATE jobs SET run = ?", (run,))


def forget(db: sqlite3.Connection, mark: int) -> None:
    """Delete the jobs above the mark that the present run has planned."""
    added = (mark, str(JobState.PLANNED), queries.read_run(db))
    chosen = "SELECT place FROM jobs WHERE place > ? AND state = ? AND run = ?"
    db.execute(f"DELETE FROM history WHERE place IN ({chosen})", added)  # noqa: S608 - a constant
    db.execute(f"DELETE FROM jobs WHERE place IN ({chosen})", added)  # noqa: S608 - a constant


def _plan_rows(rows: Iterable[PlanRow], most: int, mark: int, plan: Callable[[Job], Outcome]) -> Plan:
    refused: List[Conflict | InvalidRow] = []
    added = 0
    for row in rows:
        outcome = row if isinstance(row, InvalidRow) else plan(row)
        if not isinstance(outcome, StoredJob):
            refused.append(outcome)
        elif outcome.place > mark:
            added += 1
        if len(refused) == most:
            break
    if refused:
        raise RollbackWith(Plan(tuple(refused), mark))
    return Plan((), mark, added)


def _plan(db: sqlite3.Connection, writer: Writer, job: Job, run: int) -> Outcome:
    found = queries.find_job(db, job.key)
    conflict = find_plan_conflict(job, found, run)
    if conflict is not None:
        return conflict
    if found is None:
        return writer.insert(db, job, run)
    if found.body != job.body:
        found = writer.write(db, found, correct(job))
    db.execute("UPDATE jobs SET run = ?, origin = ? WHERE place = ?", (run, job.origin, found.place))
    return attrs.evolve(found, run=run, origin=job.origin)


def _submit(db: sqlite3.Connection, writer: Writer, job: Job, mark: int, run: int) -> Outcome:
    found = queries.find_job(db, job.key)
    return find_submit_conflict(job, found, mark) or found or writer.insert(db, job, run)
