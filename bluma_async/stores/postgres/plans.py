"""
Plan the jobs of a run in PostgreSQL: thousands at once, through a temporary table that is filled by COPY.

Rule 1: plans are made one after the other, under a lock: two of them cannot both add a key.
Rule 2: if no row conflicts, a few statements plan all of them. Otherwise the rows are decided one by one, in their
order, by the rules that all stores share; if any is refused, everything is undone.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, Awaitable, Callable, Dict, Iterable, Iterator, List, Mapping, Tuple

import attrs

from bluma_async._runtime.threads import in_thread
from bluma_async.stores.jobs import NO_RUN, Conflict, InvalidRow, Job, Plan, StoredJob
from bluma_async.stores.keys import fold_key
from bluma_async.stores.postgres import queries
from bluma_async.stores.postgres.database import RollbackWith
from bluma_async.stores.postgres.rows import execute, fetch_all, fetch_one
from bluma_async.stores.postgres.writes import write_change
from bluma_async.stores.states import JobState
from bluma_async.stores.transitions import correct, find_plan_conflict, find_submit_conflict

if TYPE_CHECKING:
    from bluma_async.stores.jobs import Outcome, PlanRow
    from bluma_async.stores.postgres.rows import Connection
    from bluma_async.stores.postgres.writes import Writer

__all__ = ["begin_run", "forget", "plan_all", "plan_one", "resume", "submit"]

LOCK = 0x426C7570  # "Blup"; an advisory lock, together with the schema that the tables are in
UNIQUE_VIOLATION = "23505"
CHUNK = 1000  # rows that are read in one hop to a thread
INCOMING = (
    "CREATE TEMPORARY TABLE bluma_incoming (number BIGINT, key TEXT, folded TEXT, body TEXT, template_id TEXT, "
    "resolution TEXT, origin TEXT, has_file BOOLEAN, key_problem TEXT) ON COMMIT DROP"
)
COPY = (
    b"COPY bluma_incoming (number, key, folded, body, template_id, resolution, origin, has_file, key_problem) "
    b"FROM STDIN"
)
FIND_KNOWN = """
SELECT count(*) AS known, count(*) > count(DISTINCT folded) OR coalesce(bool_or(old.body <> new.body), false) AS differ
FROM bluma_incoming new JOIN bluma_jobs old USING (folded)
"""
JOIN_RUN = """
UPDATE bluma_jobs old SET run = greatest(run, %s), origin = new.origin FROM bluma_incoming new
WHERE old.folded = new.folded
"""
ADD = """
INSERT INTO bluma_jobs (key, folded, body, template_id, resolution, origin, run, state, planned_at, planned_from)
SELECT key, folded, body, template_id, resolution, origin, %s, 'planned', %s, origin FROM bluma_incoming new
"""
IF_NEW = "WHERE NOT EXISTS (SELECT FROM bluma_jobs old WHERE old.folded = new.folded) "
MANY = 1000  # new rows from which the planner's statistics are renewed: they decide how fast a job is claimed


async def plan_all(db: Connection, writer: Writer, run: int, rows: Iterable[PlanRow], most: int) -> Plan:
    """Plan the rows, or raise a RollbackWith that has the refused ones."""
    copied = await _take_in(db, rows, most)
    mark = await queries.read_last_place(db)
    added = await _plan_together(db, writer, run, joins=True) if copied.is_plain else None
    if added is not None:
        return Plan((), mark, added)
    return await _plan_each(db, copied.invalid, most, mark, lambda job: _plan(db, writer, run, job))


async def submit(db: Connection, writer: Writer, rows: Iterable[PlanRow], most: int) -> Plan:
    """
    Add the rows that are new, or raise a RollbackWith that has the refused ones.

    They join the last run that took the whole journal, and those before it: these may still be going on.
    """
    copied = await _take_in(db, rows, most)
    mark = await queries.read_last_place(db)
    run = int(await queries.read_meta(db, "resumed") or NO_RUN)
    added = await _plan_together(db, writer, run, joins=False) if copied.is_plain else None
    if added is not None:
        return Plan((), mark, added)
    return await _plan_each(db, copied.invalid, most, mark, lambda job: _submit(db, writer, run, job, mark))


async def _take_in(db: Connection, rows: Iterable[PlanRow], most: int) -> _Copied:
    """Copy the rows into the temporary table; then let no other plan be made until the end of the transaction."""
    await execute(db, INCOMING)
    copied = await _copy(db, rows, most)
    await _lock(db)
    await execute(db, "ANALYZE bluma_incoming (number, key, folded)")
    return copied


async def _plan_together(db: Connection, writer: Writer, run: int, *, joins: bool) -> int | None:
    """
    Plan all copied rows with a few statements, and return how many are new.

    None, with nothing changed, if some need a decision. With `joins`, known jobs join the run.
    """
    found = await fetch_one(db, FIND_KNOWN)
    if found is None or found["differ"]:
        return None
    if found["known"] and joins:
        await execute(db, JOIN_RUN, run)
    await execute(db, "SAVEPOINT together")
    try:
        added = await execute(db, f"{ADD}{IF_NEW if found['known'] else ''}ORDER BY number", run, writer.now())
    except Exception as problem:
        if getattr(problem, "sqlstate", None) != UNIQUE_VIOLATION:
            raise
        await execute(db, "ROLLBACK TO SAVEPOINT together")  # two rows have one key
        return None
    if added >= MANY:
        await execute(db, "ANALYZE bluma_jobs (place, key, folded, state, holder, run)")
    return added


async def plan_one(db: Connection, writer: Writer, run: int, job: Job) -> Outcome:
    """Plan a job, or return why it is refused; a refusal has changed nothing."""
    await _lock(db)
    return await _plan(db, writer, run, job)


async def begin_run(db: Connection) -> int:
    """Return the number of a new run."""
    await _lock(db)
    run = int(await queries.read_meta(db, "run") or 0) + 1
    await queries.write_meta(db, "run", str(run))
    return run


async def resume(db: Connection) -> int:
    """Begin a run with all jobs of the journal, and with those that are submitted while it lasts; return its number."""
    run = await begin_run(db)
    await queries.write_meta(db, "resumed", str(run))
    await execute(db, "UPDATE bluma_jobs SET run = %s WHERE run < %s", run, run)
    return run


async def forget(db: Connection, run: int, mark: int) -> None:
    """Delete the planned jobs of a run whose place is above the mark."""
    condition = "place > %s AND run = %s AND state = 'planned' AND holder IS NULL"
    chosen = f"SELECT place FROM bluma_jobs WHERE {condition}"  # noqa: S608 - a constant
    await execute(db, f"DELETE FROM bluma_history WHERE place IN ({chosen})", mark, run)  # noqa: S608 - a constant
    await execute(db, f"DELETE FROM bluma_jobs WHERE {condition}", mark, run)  # noqa: S608 - a constant


async def _lock(db: Connection) -> None:
    await execute(db, "SELECT pg_advisory_xact_lock(%s, hashtext(current_schema()))", LOCK)


@attrs.define
class _Copied:
    """The result of a copy: the invalid rows by their number, and whether all others can be planned if they are new."""

    invalid: Dict[int, InvalidRow] = attrs.field(factory=lambda: {})  # noqa: PIE807 - typed, unlike `dict`
    is_plain: bool = True


async def _copy(db: Connection, rows: Iterable[PlanRow], most: int) -> _Copied:
    """Copy the jobs into the temporary table."""
    numbered, copied = enumerate(rows), _Copied()
    async with db.cursor().copy(COPY) as copy:
        while chunk := await in_thread(_read_chunk, numbered, most - len(copied.invalid)):
            for number, row in chunk:
                if isinstance(row, InvalidRow):
                    copied.invalid[number], copied.is_plain = row, False
                    continue
                copied.is_plain = copied.is_plain and not (row.has_file or row.key_problem)
                await copy.write_row(_list_values(number, row))
            if len(copied.invalid) >= most:
                break
    return copied


def _read_chunk(numbered: Iterator[Tuple[int, PlanRow]], most: int) -> List[Tuple[int, PlanRow]]:
    """Return the next rows; no more after so many invalid ones. Blocks: the rows may come from a file."""
    chunk: List[Tuple[int, PlanRow]] = []
    for number, row in islice(numbered, CHUNK):
        chunk.append((number, row))
        most -= isinstance(row, InvalidRow)
        if most == 0:
            break
    return chunk


def _list_values(number: int, job: Job) -> Tuple[Any, ...]:
    named = (job.key, fold_key(job.key), job.body, job.template_id, job.resolution, job.origin)
    return (number, *named, job.has_file, job.key_problem)


async def _plan_each(
    db: Connection, invalid: Mapping[int, InvalidRow], most: int, mark: int, plan: Callable[[Job], Awaitable[Outcome]]
) -> Plan:
    """Decide the copied rows one by one. If any is refused, raise a RollbackWith that has the refused ones."""
    refused: List[Conflict | InvalidRow] = []
    added, last = 0, -1
    while len(refused) < most and (rows := await _read_copied(db, invalid, last)):
        for number, row in rows:
            last = number
            outcome = row if isinstance(row, InvalidRow) else await plan(row)
            if not isinstance(outcome, StoredJob):
                refused.append(outcome)
            else:
                added += outcome.place > mark
            if len(refused) == most:
                break
    if refused:
        raise RollbackWith(Plan(tuple(refused), mark))
    return Plan((), mark, added)


async def _read_copied(db: Connection, invalid: Mapping[int, InvalidRow], last: int) -> List[Tuple[int, PlanRow]]:
    """Return the next rows behind a number, in their order."""
    page = await fetch_all(db, "SELECT * FROM bluma_incoming WHERE number > %s ORDER BY number LIMIT %s", last, CHUNK)
    rows: List[Tuple[int, PlanRow]] = [(row["number"], _parse(row)) for row in page]
    end = rows[-1][0] if len(rows) == CHUNK else float("inf")
    rows += [(number, row) for number, row in invalid.items() if last < number <= end]
    return sorted(rows, key=lambda entry: entry[0])


def _parse(row: Any) -> Job:
    names = ("key", "body", "template_id", "resolution", "origin", "has_file", "key_problem")
    return Job(**{name: row[name] for name in names})


async def _plan(db: Connection, writer: Writer, run: int, job: Job) -> Outcome:
    found = await queries.find_job(db, job.key)
    conflict = find_plan_conflict(job, found, run)
    if conflict is not None:
        return conflict
    if found is None:
        return await _insert(db, writer, run, job)
    if found.body != job.body:
        found = await write_change(db, writer, found, correct(job))
    run = max(found.run, run)
    await execute(db, "UPDATE bluma_jobs SET run = %s, origin = %s WHERE place = %s", run, job.origin, found.place)
    return attrs.evolve(found, run=run, origin=job.origin)


async def _submit(db: Connection, writer: Writer, run: int, job: Job, mark: int) -> Outcome:
    found = await queries.find_job(db, job.key)
    return find_submit_conflict(job, found, mark) or found or await _insert(db, writer, run, job)


async def _insert(db: Connection, writer: Writer, run: int, job: Job) -> StoredJob:
    statement = (
        "INSERT INTO bluma_jobs (key, folded, body, template_id, resolution, origin, run, state, planned_at, "
        "planned_from) VALUES (%s, %s, %s, %s, %s, %s, %s, 'planned', %s, %s) RETURNING place"
    )
    content = (job.body, job.template_id, job.resolution, job.origin, run)
    row = await fetch_one(db, statement, job.key, fold_key(job.key), *content, writer.now(), job.origin)
    return StoredJob(row["place"] if row else 0, job.key, *content, state=JobState.PLANNED)
