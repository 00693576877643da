"""
Plan the jobs of a run: those of a file or list all at once, those of a stream one by one.

Rule 1: rows that can be read before the run are all checked before anything is created. All are planned, or none.
Rule 2: a stream is read no faster than its jobs are started; each of its rows is checked before its own create.
"""

from __future__ import annotations

from typing import (
    TYPE_CHECKING,
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Dict,
    Iterable,
    Iterator,
    List,
    Sequence,
    Tuple,
)

import attrs

from bluma_async._runtime.threads import in_thread
from bluma_async._wire.checks import invalid
from bluma_async.batch.conflicts import build_plan_error
from bluma_async.batch.parsing import MOST_ERRORS, parse_row
from bluma_async.batch.sources import JOB, find_source, hold_pipe, list_rows, read_stream
from bluma_async.errors import BlumaError, InvalidArgumentError
from bluma_async.stores.jobs import Conflict, InvalidRow, WantedTemplate
from bluma_async.stores.states import JobState

if TYPE_CHECKING:
    from bluma_async.batch.api import StopSignal
    from bluma_async.batch.catalog import Catalog
    from bluma_async.batch.options import BatchOptions
    from bluma_async.batch.row_checks import RowChecks
    from bluma_async.batch.sharing import SharedJobs
    from bluma_async.batch.sources import JobRow, Jobs, Source
    from bluma_async.stores.jobs import Plan, PlanRow, StoredJob
    from bluma_async.stores.ports import JobStore

__all__ = ["plan_jobs", "submit_jobs"]


async def plan_jobs(
    jobs: Jobs,
    options: BatchOptions,
    store: JobStore,
    catalog: Catalog,
    checks: RowChecks,
    stop: StopSignal,
    shared: SharedJobs | None = None,
) -> AsyncGenerator[StoredJob, None]:
    """
    Plan jobs, and yield each job that is not finished when it is asked for. After a stop, planned jobs are skipped.

    Of a store that processes share, only the jobs that this one has claimed are yielded.

    Raises:
        InvalidArgumentError: Rows are invalid. Nothing was created, unless the rows came one by one.
    """
    source = find_source(jobs)
    if source is not None:
        await _plan_all(source, options, store, catalog, checks)
    elif jobs is None:
        await store.resume()
        await catalog.check(store)
    else:
        async for job in _plan_stream(jobs, options, store, catalog, checks, stop):  # type: ignore[arg-type]  # it is not a path
            claimed = job if shared is None else await shared.claim(job)
            if claimed is not None:
                yield claimed
            for settled in [] if shared is None else shared.take_settled():
                yield settled
        if shared is None:
            return
    async for job in _list_unfinished(options, store, stop) if shared is None else shared.claims():
        yield job


async def submit_jobs(jobs: Jobs, options: BatchOptions, store: JobStore, catalog: Catalog, checks: RowChecks) -> int:
    """
    Plan jobs without a run, and return the number of new ones. A stream is read to its end first.

    Raises:
        InvalidArgumentError: Rows are invalid. None was planned.
    """
    if jobs is None:
        raise invalid(
            "jobs", "submit needs jobs, or a file of them; run() without jobs continues those of the journal."
        )
    source = find_source(jobs) or list_rows([row async for row in read_stream(jobs)])  # type: ignore[arg-type]  # it is not a path
    source = await _prepare(source, catalog)
    # Templates are checked by requests, which must not stand between the rows of a transaction.
    await catalog.require(await in_thread(_list_wanted, source, options, checks))
    return _require_planned(await store.submit(_parse_rows(source, options, checks), most=MOST_ERRORS)).added


def _list_wanted(source: Source, options: BatchOptions, checks: RowChecks) -> List[WantedTemplate]:
    """Return the templates that rows need; none if a row is invalid, because that is reported first."""
    wanted: Dict[Tuple[str | None, str | None], WantedTemplate] = {}
    for row in _parse_rows(source, options, checks):
        if isinstance(row, InvalidRow):
            return []
        if row.template_id is not None:
            template = WantedTemplate(row.template_id, row.resolution, row.origin)
            wanted.setdefault((row.template_id, row.resolution), template)
    return list(wanted.values())


async def _plan_all(
    source: Source, options: BatchOptions, store: JobStore, catalog: Catalog, checks: RowChecks
) -> None:
    source = await _prepare(source, catalog)
    plan = _require_planned(await store.plan_all(_parse_rows(source, options, checks), most=MOST_ERRORS))
    try:
        await catalog.check(store)
    except BlumaError:
        await store.forget(plan.mark)
        raise


async def _prepare(source: Source, catalog: Catalog) -> Source:
    """
    Read the templates of rows, and return the rows to be read again.

    Their contexts can be checked only when their templates are known, and all mistakes are reported together.
    """
    source = await hold_pipe(source)
    await catalog.prepare(await source.list_templates())
    return source


def _parse_rows(source: Source, options: BatchOptions, checks: RowChecks) -> Iterator[PlanRow]:
    """Yield the jobs of rows. An invalid row is yielded too: the store reports it among the rows that it refuses."""
    for number, row in source.read():
        try:
            parsed = parse_row(row, f"{source.label} {number}")
            checks.require_template(parsed)
            checks.require_valid(parsed)
            job = parsed.to_job()
        except InvalidArgumentError as problem:  # noqa: PERF203 - every invalid row is reported
            yield InvalidRow(problem)
        else:
            yield attrs.evolve(job, has_file=True) if options.has_file(job.key) else job


def _require_planned(plan: Plan) -> Plan:
    if plan.refused:
        raise _join_errors(
            [row.error if isinstance(row, InvalidRow) else build_plan_error(row) for row in plan.refused]
        )
    return plan


def _join_errors(problems: Sequence[BlumaError]) -> InvalidArgumentError:
    lines = "\n".join(f"  {problem}" for problem in problems)
    named = [problem for problem in problems if isinstance(problem, InvalidArgumentError)]
    entries = [entry for problem in named for entry in problem.validation_errors]
    count = "One row is" if len(problems) == 1 else f"{len(problems)} rows are"
    if len(problems) >= MOST_ERRORS:  # the rows behind them were not read
        count = f"At least {count}"
    return InvalidArgumentError(f"{count} invalid. Nothing was created.\n{lines}", validation_errors=entries)


async def _list_unfinished(options: BatchOptions, store: JobStore, stop: StopSignal) -> AsyncIterator[StoredJob]:
    after = 0
    while page := await store.to_do(after):
        for job in await _select_unfinished(page, options):
            if not (stop.is_set and job.state == JobState.PLANNED):
                yield job
        after = page[-1].place


async def _plan_stream(
    jobs: Iterable[JobRow] | AsyncIterable[JobRow],
    options: BatchOptions,
    store: JobStore,
    catalog: Catalog,
    checks: RowChecks,
    stop: StopSignal,
) -> AsyncIterator[StoredJob]:
    await store.begin_run()
    number = 0
    async for row in read_stream(jobs):
        number += 1
        try:
            parsed = parse_row(row, f"{JOB} {number}")
            if parsed.arguments["template_id"] is not None:
                await catalog.prepare([parsed.arguments["template_id"]])
            checks.require_valid(parsed)
            job = parsed.to_job()
        except InvalidArgumentError as problem:
            raise _add_earlier(problem, number) from problem
        if options.saves_files and await in_thread(options.has_file, job.key):
            job = attrs.evolve(job, has_file=True)
        planned = await store.plan(job)
        if isinstance(planned, Conflict):
            raise build_plan_error(planned)
        for unfinished in await _select_unfinished([planned], options):
            yield unfinished
        if stop.is_set:
            return


def _add_earlier(problem: InvalidArgumentError, number: int) -> InvalidArgumentError:
    """Return the error of a streamed row, with a sentence about those before it."""
    earlier = " The jobs before it are planned, and their videos may have been created." if number > 1 else ""
    return InvalidArgumentError(f"{problem}{earlier}", validation_errors=problem.validation_errors)


async def _select_unfinished(jobs: Sequence[StoredJob], options: BatchOptions) -> List[StoredJob]:
    """Return the jobs that need more work. The files of saved jobs are looked at in a thread, once for all."""
    saved = [job for job in jobs if job.state == JobState.SAVED and options.saves_files]
    lost = await in_thread(_find_lost, saved, options) if saved else ()
    return [job for job in jobs if job.place in lost or not _is_finished(job, options)]


def _find_lost(saved: Sequence[StoredJob], options: BatchOptions) -> set[int]:
    """Return the places of saved jobs whose file is missing, or has another size."""
    return {job.place for job in saved if not options.is_complete(job.path, job.size)}


def _is_finished(job: StoredJob, options: BatchOptions) -> bool:
    if job.state == JobState.RENDERED:
        return not options.saves_files
    return job.state in (JobState.SAVED, JobState.FAILED, JobState.IN_DOUBT)
